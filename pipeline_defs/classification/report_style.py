"""The style of report.html; of Python, since only that travels with the jobs' code."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #f5f6f4; --sheet: #fff; --ink: #171b1e; --soft: #59636a; --line: #d9dedb; --faint: #ebeeec;
  --accent: #0b6a58; --wrong: #b4471b; --pale: #c3ccc8; --on: #fff; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #101315; --sheet: #181d20; --ink: #e9edee; --soft: #9ba7ad; --line: #30383c; --faint: #22292d;
  --accent: #4fcdb0; --wrong: #ff9b73; --pale: #4a555a; --on: #0d1113; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
body > header, main { max-width: 70rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
body > header { padding-top: clamp(1.75rem, 5vw, 3.5rem); padding-bottom: 1.25rem; }
main { padding-bottom: 4rem; }
.brand { margin: 0; color: var(--soft); font-size: .9rem; }
.brand b { color: var(--ink); font-weight: 650; }
h1 { margin: .3rem 0 .6rem; font-size: clamp(1.9rem, 1.3rem + 2.6vw, 2.9rem); font-weight: 680;
  line-height: 1.1; letter-spacing: -.022em; overflow-wrap: anywhere; }
h2 { margin: 0 0 .2rem; font-size: 1.3rem; font-weight: 650; letter-spacing: -.01em; }
h3 { margin: 0 0 .6rem; font-size: 1rem; font-weight: 650; }
p { margin: 0 0 .75rem; max-width: 68ch; }
.soft, small { color: var(--soft); }
.lede { font-size: clamp(1.05rem, 1rem + .4vw, 1.25rem); line-height: 1.45; text-wrap: pretty; }
section { margin: clamp(2.25rem, 5vw, 3.25rem) 0; }
section > .soft { margin-bottom: 1.1rem; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.pad { padding: clamp(1rem, 2.5vw, 1.5rem); margin-bottom: 1.25rem; }
.pad > :last-child { margin-bottom: 0; }
code { font: .86em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
details { margin-top: 1rem; color: var(--soft); font-size: .9rem; }
summary { cursor: pointer; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); margin: 0;
  overflow: hidden; }
.numbers > div { padding: 1.1rem 1.3rem; box-shadow: 1px 1px 0 var(--line); }
.numbers dt { color: var(--soft); font-size: .86rem; }
.numbers dd { margin: 0; font-size: 1.6rem; font-weight: 640; line-height: 1.3; letter-spacing: -.015em;
  font-variant-numeric: tabular-nums; }
.numbers small { display: block; font-size: .84rem; font-weight: 450; letter-spacing: 0; line-height: 1.45; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .8rem; border-bottom: 1px solid var(--faint); text-align: left; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 550; }
thead th { color: var(--soft); font-size: .84rem; font-weight: 500; border-bottom-color: var(--line); }
td { white-space: nowrap; }
td code { white-space: normal; }
.pairs { display: grid; gap: 1rem; grid-template-columns:
  repeat(auto-fill, minmax(min(100%, 20.5rem), 1fr)); }
figure { margin: 0; padding: .9rem 1rem; }
.strip { display: flex; gap: 6px; align-items: center; margin-bottom: .6rem; }
.strip img, .strip .none { width: 62px; height: 62px; border-radius: 6px; background: var(--faint);
  outline: 1px solid var(--line); outline-offset: -1px; }
.strip .for { padding: 0 .1rem; color: var(--soft); }
figcaption { font-size: .92rem; overflow-wrap: anywhere; }
.slices { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr));
  align-items: start; }
.bar { display: inline-block; position: relative; width: 6.5rem; height: .6rem; margin-right: .45rem;
  border-radius: 3px;
  background: linear-gradient(var(--accent) 0 0) 0 / var(--share) 100% no-repeat var(--faint); }
.bar::after { content: ""; position: absolute; left: var(--whole); top: -3px; bottom: -3px; width: 2px;
  background: var(--ink); }
.stacked { display: flex; gap: 2px; height: 1.4rem; border-radius: 5px; overflow: hidden; }
.stacked span { min-width: 3px; }
.part-0 { background: var(--accent); }
.part-1 { background: color-mix(in srgb, var(--accent) 45%, var(--sheet)); }
.part-2 { background: var(--pale); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .8rem 0; padding: 0; list-style: none;
  font-size: .92rem; }
.dot { display: inline-block; width: .7rem; height: .7rem; margin-right: .45rem; border-radius: 3px; }
.chart { display: block; width: 100%; max-width: 46rem; height: auto; }
.chart .rule { stroke: var(--faint); }
.chart .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
.chart .bin { fill: var(--accent); }
.chart .few { opacity: .35; }
.chart text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.axis { margin: .5rem 0 0; font-size: .86rem; max-width: none; }
.grid { width: auto; margin: .25rem; border-collapse: separate; border-spacing: 2px; font-size: .8rem; }
.grid th, .grid td { padding: 0; border: 0; }
.grid tbody th { position: sticky; left: 0; padding: 0 .7rem; background: var(--sheet); text-align: right;
  white-space: nowrap; font-weight: 500; }
.grid thead th { height: 8.5rem; vertical-align: bottom; color: var(--ink); }
.grid thead span { display: inline-block; width: 1.2em; margin-left: calc(50% - .6em); padding: .4rem 0;
  writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; line-height: 1.2;
  max-height: 8.5rem;  overflow: hidden; text-overflow: ellipsis; }
.grid tbody td { width: 2.4rem; min-width: 2.4rem; height: 2.4rem; text-align: center; border-radius: 4px;
  background: color-mix(in srgb, var(--tint) var(--share, 0%), var(--faint)); }
.grid.small tbody td { width: 1.45rem; min-width: 1.45rem; height: 1.45rem; font-size: .68rem;
  border-radius: 2px; }
.grid.tiny tbody td { width: 1rem; min-width: 1rem; height: 1rem; font-size: .58rem; line-height: 1rem;
  border-radius: 2px; }
.grid.small, .grid.tiny { font-size: .7rem; border-spacing: 1px; }
.grid.small thead th, .grid.tiny thead th { font-size: inherit; }
.grid.tiny tbody th { padding: 0 .4rem; line-height: 1rem; }
.scroll:has(.tiny) { width: max-content; max-width: calc(100vw - 2rem); margin-left: 50%;
  transform: translateX(-50%); }
.grid .right { --tint: var(--accent); }
.grid .wrong { --tint: var(--wrong); }
.grid .strong { color: var(--on); }
@media (max-width: 34rem) {
  th, td { padding: .4rem .5rem; } table { font-size: .86rem; } .bar { width: 4.5rem; } }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""
