"""How the golden files were made: by MXNet itself, under Python 3.8, the newest for it; no test runs it.

pip install 'numpy<1.24' 'opencv-python-headless<4.9' mxnet==1.9.1, then: python make.py, in this folder.
"""

import json
import subprocess
import sys
from pathlib import Path

import mxnet

HERE = Path(__file__).resolve().parent


def main():
    cases = json.loads((HERE / "cases.json").read_text())
    labelled = mxnet.recordio.MXIndexedRecordIO(str(HERE / "labelled.idx"), str(HERE / "labelled.rec"), "w")
    for case in cases["labelled"]:
        header = mxnet.recordio.IRHeader(0, case["label"], case["id"], 0)
        labelled.write_idx(case["key"], mxnet.recordio.pack(header, bytes.fromhex(case["payload"])))
    labelled.close()
    framed = mxnet.recordio.MXIndexedRecordIO(str(HERE / "framed.idx"), str(HERE / "framed.rec"), "w")
    for key, content in enumerate(cases["framed"]):
        framed.write_idx(key, bytes.fromhex(content))
    framed.close()
    tool = Path(mxnet.__file__).parent / "tools" / "im2rec.py"
    for options in (["--list", "--recursive", "--no-shuffle"], ["--pass-through"]):
        subprocess.run([sys.executable, tool, *options, HERE / "im2rec", HERE / "pictures"], check=True)


if __name__ == "__main__":
    main()
