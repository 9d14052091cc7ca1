from __future__ import annotations

import pytest

from local.codebuild.buildspec import BuildspecError, Files, parse

WHOLE = """
version: 0.2
env:
  shell: /bin/sh
  variables: {VERSION: 1.10, FLAG: yes, EMPTY: ''}
  parameter-store: {TOKEN: /a/token}
  secrets-manager: {PASSWORD: 'db:password'}
  exported-variables: [VERSION]
  git-credential-helper: no
phases:
  install:
    runtime-versions: {python: 3.12}
    commands: []
  build:
    on-failure: ABORT
    commands:
      - make
      - |
        one
        two
    finally: [echo over]
reports:
  unit: {files: ['**/*.xml'], file-format: junitxml, discard-paths: yes}
artifacts:
  files: '**/*'
  base-directory: out
  exclude-paths: ['**/*.log']
  name: made-$VERSION
  secondary-artifacts:
    docs: {files: [docs/**/*], discard-paths: no}
cache:
  paths: ['/root/.cache/**/*']
"""


def test_whole_buildspec_is_read() -> None:
    read = parse(WHOLE)
    assert read.shell == "sh"
    assert read.variables == {"VERSION": "1.10", "FLAG": "yes", "EMPTY": ""}
    assert (read.parameters, read.secrets) == ({"TOKEN": "/a/token"}, {"PASSWORD": "db:password"})
    assert read.exported == ("VERSION",)
    assert read.phases["install"].runtimes == {"python": "3.12"}
    build = read.phases["build"]
    assert (build.commands, build.always) == (("make", "one\ntwo\n"), ("echo over",))
    assert build.on_failure == "ABORT"
    assert read.artifacts == Files(("**/*",), ("**/*.log",), "out", name="made-$VERSION")
    assert read.secondary_artifacts == {"docs": Files(("docs/**/*",))}
    assert read.reports == {"unit": Files(("**/*.xml",), discard_paths=True)}


def test_json_is_read_as_cdk_writes_it() -> None:
    read = parse('{"version": "0.2", "phases": {"build": {"commands": ["echo \\"a: b\\""]}}}')
    assert read.phases["build"].commands == ('echo "a: b"',)


def only(line: str) -> str:
    return f"version: 0.2\nphases: {{build: {{commands: [make]}}}}\n{line}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 0.2", "has no phases"),
        ("phases: {build: {commands: [a]}}", "version: None"),
        ("version: 0.1\nphases: {build: {commands: [a]}}", "version: '0.1'"),
        ("version: 0.2\nphases: {biuld: {commands: [a]}}", "phases: 'biuld' is unknown"),
        ("version: 0.2\nphases: {build: {command: [a]}}", "phases.build: 'command' is unknown"),
        ("version: 0.2\nphases: {build: {finally: [a]}}", "phases.build has no commands"),
        ("version: 0.2\nphases: {build: {commands: [echo a: b]}}", "phases.build.commands\\[0\\] is no text"),
        ("version: 0.2\nphases: {build: {commands: make}}", "phases.build.commands is no list"),
        ("version: 0.2\nphases: {build: {commands: [a], commands: [b]}}", "'commands' comes twice"),
        ("version: 0.2\nphases: {build: {commands: [a], on-failure: STOP}}", "on-failure: 'STOP'"),
        (
            "version: 0.2\nphases: {build: {commands: [a], on-failure: RETRY}}",
            "RETRY is not run by",
        ),
        ("version: 0.2\nphases: {build: {commands: [a], run-as: me}}", "run-as is not done by the local"),
        ("version: 0.2\nphases: [", "is not YAML"),
        (only("run-as: me"), "run-as is not done by the local"),
        (only("batch: {fast-fail: true}"), "batch is not done by the local"),
        (only("proxy: {logs: yes}"), "proxy is not done by the local"),
        (only("artifact: {files: [a]}"), "the buildspec: 'artifact' is unknown"),
        (only("env: {variable: {A: b}}"), "env: 'variable' is unknown"),
        (only("env: {shell: powershell.exe}"), "env.shell: powershell.exe"),
        (only("env: {git-credential-helper: yes}"), "git-credential-helper"),
        (only("env: {exported-variables: [AWS_REGION]}"), "AWS_REGION"),
        (only("env: {parameter-store: {A: b}, exported-variables: [A]}"), "A holds a secret"),
        (only("artifacts: {base-directory: a}"), "artifacts has no files"),
        (only("artifacts: {files: [a], discard-paths: maybe}"), "discard-paths: 'maybe'"),
        (only("artifacts: {files: [a], s3-prefix: x}"), "artifacts.s3-prefix is not done"),
        (only("reports: {r: {files: [a], file-format: COBERTURAXML}}"), "COBERTURAXML is not read"),
        (only("reports: {r: {files: [a], name: x}}"), "reports.r: 'name' is unknown"),
        (only("cache: {path: [a]}"), "cache: 'path' is unknown"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(BuildspecError, match=said):
        parse(text)
