"""AWS's own PyTorch containers, pinned: the account that serves a region, and the version of each image."""

_ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
    **dict.fromkeys(
        (
            "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
            "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3",
            "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
        ),
        "763104351884",
    ),
}  # fmt: skip

# The newest that exists for training and for inference alike, so that one Python serves both.
PYTORCH, PYTHON = "2.6.0", "py312"


class UnknownRegionError(ValueError):
    """There is no container for this region in the map."""


def training_image(region: str, instance_type: str) -> str:
    """The image of training and processing jobs on this type of instance."""
    return _image("pytorch-training", region, instance_type)


def inference_image(region: str, instance_type: str = "ml.m5.large") -> str:
    """The image of endpoints on this type of instance; serverless ones run on CPU."""
    return _image("pytorch-inference", region, instance_type)


def _image(repository: str, region: str, instance_type: str) -> str:
    if region not in _ACCOUNTS:
        raise UnknownRegionError(
            f"{region}: no {repository} image known; add its account to pipeline_defs/common/containers.py"
        )
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    device = "gpu" if _has_gpu(instance_type) else "cpu"
    tag = f"{PYTORCH}-{device}-{PYTHON}"
    return f"{_ACCOUNTS[region]}.dkr.ecr.{region}.{domain}/{repository}:{tag}"


def _has_gpu(instance_type: str) -> bool:
    return instance_type.removeprefix("ml.").startswith(("g", "p"))
