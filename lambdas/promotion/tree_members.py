"""Members of a tree as their packages describe them: what they answer, what a parent expects of others."""

from collections.abc import Mapping
from typing import Any

from lambdas.common.objects import read_json
from lambdas.common.packages import PackageArn, UnusablePackage, metadata
from lambdas.promotion.check_artifacts import labels_sha256
from lambdas.promotion.tree_rule import Labels, Member

# Of a parent: the hash of the labels that it was trained to expect of a child, by the child's model.
FITS = "fits_"


def member_of(s3: Any, package: Mapping[str, Any], model: str) -> Member:
    """Read what a package answers; UnusablePackage where its label map is not the one of its metadata.

    The hashes are in the metadata, which an approval stands for; the names, for people, in the label map.
    """
    arn = package["ModelPackageArn"]
    told = metadata(package, "test_set", "label_map_sha256")
    uri = f"{told['test_set'].rstrip('/')}/label_map.json"
    found = read_json(s3, uri)
    expected = {
        name.removeprefix(FITS): sha256
        for name, sha256 in package["CustomerMetadataProperties"].items()
        if name.startswith(FITS)
    }
    children = {child["model"]: child["classes"] for child in (found.get("children") or {}).values()}
    if children.keys() != expected.keys():
        raise UnusablePackage(f"{uri} has the children {sorted(children)}, {arn} has {sorted(expected)}")
    return Member(
        model=model,
        package=arn,
        version=PackageArn.parse(arn).version,
        labels=_labels(found["labels"], told["label_map_sha256"], uri, arn),
        expects={child: _labels(children[child], sha256, uri, arn) for child, sha256 in expected.items()},
    )


def _labels(names: list[str], sha256: str, uri: str, arn: str) -> Labels:
    if labels_sha256(names) != sha256:
        raise UnusablePackage(f"{uri} is not the label map that {arn} was registered with: {names}")
    return Labels(tuple(names), sha256)
