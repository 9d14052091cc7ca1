"""What Ground Truth shows its workers: a page to draw on, and one to judge what was drawn.

Workers' pages are Liquid templates of AWS's crowd elements; `task.input` is what AWS's own functions make of
a line of the input manifest.
"""

import html
import json
from collections.abc import Mapping, Sequence

APPROVE, REJECT = "approve", "reject"

_SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
_PICTURE = "{{ task.input.taskObject | grant_read_access }}"
_LABEL = """\
{script}
<crowd-form>
  <crowd-bounding-box name="boundingBox" src="{picture}" header="Draw a box around each {classes}"
      labels="{{{{ task.input.labels | to_json | escape }}}}">
    <full-instructions header="Instructions">{instructions}</full-instructions>
    <short-instructions>
      {{% if task.input.manifestLine.edgeline-rejected %}}
      <p><b>It was rejected: {{{{ task.input.manifestLine.edgeline-rejected | escape }}}}</b></p>
      {{% endif %}}
      {instructions}
      <p>Nothing on the picture: submit it without a box.</p>
    </short-instructions>
  </crowd-bounding-box>
</crowd-form>
"""
_VERIFY = """\
{script}
<crowd-form>
  <crowd-image-classifier name="crowd-image-classifier" src="{picture}" header="Are the boxes right?"
      categories="{categories}"
      overlay="{{&quot;boundingBox&quot;: {{&quot;labels&quot;: {labels}, &quot;value&quot;: [
        {{% for box in task.input.manifestLine.labels.annotations %}}
        {{% capture id %}}{{{{ box.class_id }}}}{{% endcapture %}}
        {{% assign label = task.input.manifestLine.labels-metadata.class-map[id] %}}
        {{&quot;label&quot;: {{{{ label | to_json | escape }}}}, &quot;left&quot;: {{{{ box.left }}}},
         &quot;top&quot;: {{{{ box.top }}}}, &quot;width&quot;: {{{{ box.width }}}},
         &quot;height&quot;: {{{{ box.height }}}} }}{{% unless forloop.last %}},{{% endunless %}}
        {{% endfor %}}]}} }}">
    <full-instructions header="Instructions">{instructions}</full-instructions>
    <short-instructions>
      <p>Approve if every object has one box that fits, with the right class. No box may be right, too.</p>
    </short-instructions>
    <worker-comment link-text="Say why" header="What is wrong?"></worker-comment>
  </crowd-image-classifier>
</crowd-form>
"""


def template(kind: str, classes: Sequence[str], instructions: Mapping[str, str]) -> str:
    """The page for a `label` or a `verify` task; `instructions` is what is to be known of each class."""
    told = (f"<p><b>{_text(name)}</b> {_text(instructions.get(name, ''))}</p>" for name in classes)
    return (_LABEL if kind == "label" else _VERIFY).format(
        script=_SCRIPT,
        picture=_PICTURE,
        classes=_text(", ".join(classes)),
        labels=_attribute(list(classes)),
        categories=_attribute([APPROVE, REJECT]),
        instructions="".join(told),
    )


def categories(kind: str, classes: Sequence[str]) -> dict[str, object]:
    """The label category configuration; a verification's has the labels of what it verifies as well."""
    names = list(classes) if kind == "label" else [APPROVE, REJECT, *classes]
    if len(set(names)) < len(names):
        raise ValueError(f"a class may not be called {APPROVE} or {REJECT} with Ground Truth")
    return {"document-version": "2018-11-28", "labels": [{"label": name} for name in names]}


def _attribute(value: object) -> str:
    return _text(json.dumps(value))


def _text(value: str) -> str:
    """Text that is neither markup nor Liquid."""
    return html.escape(value).replace("{", "&#123;").replace("}", "&#125;")
