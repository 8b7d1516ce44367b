"""Looks of the page of reports.

The three colours are of the palette of Okabe and Ito, which people with any kind of colour
blindness tell apart; the kind of line below the words says the same without colour.
"""

STYLE = """
:root { color-scheme: light dark; --line: #8886; --thin: #8889;
  --both: #009e73; --missed: #e69f00; --added: #cc79a7; --fill: 24%; }
@media (prefers-color-scheme: dark) { :root { --fill: 34%; --thin: #999a; } }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  margin: 1rem 0; }
article > div { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
article h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
h4 { margin: .3rem 0; font-size: .8rem; font-weight: 600; opacity: .75; }
.scores { margin: .1rem 0 .2rem; font-size: .85rem; opacity: .85; }
.findings { margin: .1rem 0 .5rem; font-size: .85rem; }
p.report { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { --colour: var(--both); color: inherit; border-radius: .2rem; padding: .05rem .1rem;
  background: color-mix(in srgb, var(--colour) var(--fill), transparent);
  text-decoration: underline 2px solid var(--colour); text-underline-offset: .2em;
  text-decoration-skip-ink: none; -webkit-box-decoration-break: clone;
  box-decoration-break: clone; }
mark.missed { --colour: var(--missed); text-decoration-style: dashed; }
mark.added { --colour: var(--added); text-decoration-style: wavy;
  text-decoration-thickness: 1.5px; }
mark.denied { background: none; }
u { text-decoration: underline 1px dotted var(--thin); text-underline-offset: .2em;
  text-decoration-skip-ink: none; }
mark u { text-decoration: none; }
.note { font-size: .9rem; opacity: .8; }
.legend { font-size: .9rem; line-height: 2; }
.legend span { margin-right: 1.5rem; white-space: nowrap; }
@media (max-width: 45rem) { article > div { grid-template-columns: 1fr; } }
@media print { mark { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
