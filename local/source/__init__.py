"""Git repositories beside the local cloud: CodeCommit, the provider behind a connection, uploads to S3.

For CodePipeline's double and for whoever else reads what was pushed:

    source.repositories.archive("codecommit" | "connection", name, commit_id) -> bytes, a zip with modes
    source.repositories.head(kind, name, branch) -> Commit(id, message, author, ...) or None
    source.repositories.listeners.append(f): f(Push(kind, repository, branch, old, new, changed_paths))

`source` is what `plug(cloud)` returned. A pusher to CodeCommit needs codecommit:GitPush on the repository,
one that uploads to S3 s3:PutObject; who may push to the provider behind a connection is its affair.
"""

from local.source.plugin import SourcePlugin, plug
from local.source.repositories import Push, Repositories

__all__ = ["Push", "Repositories", "SourcePlugin", "plug"]
