"""The source action S3: a version of an object of a versioned bucket."""

from __future__ import annotations

from local.codepipeline.records import Revision
from local.codepipeline.work import ActionError, Done, Work


class S3Source:
    """Copies the object, newest or overridden version, into the artifact store."""

    def run(self, work: Work) -> Done:
        """Do the action."""
        bucket, key = work.configuration["S3Bucket"], work.configuration["S3ObjectKey"]
        s3 = work.session.client("s3")
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ActionError(
                "ConfigurationError",
                f"The S3 bucket {bucket} does not have versioning enabled, which the S3 source action needs",
            )
        # The newest version is found first, and then read by its id, as AWS does: both grants are needed.
        version = (
            work.override.revision if work.override else s3.get_object(Bucket=bucket, Key=key)["VersionId"]
        )
        answer = s3.get_object(Bucket=bucket, Key=key, VersionId=version)
        work.put(work.action.outputs[0], answer["Body"].read())
        return Done(
            variables={
                "BucketName": bucket,
                "ETag": str(answer["ETag"]).strip('"'),
                "ObjectKey": key,
                "VersionId": version,
            },
            revision=Revision(version, f"Amazon S3 version id: {version}", answer["LastModified"]),
        )
