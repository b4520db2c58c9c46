"""The look of the page: on a screen, on a narrow one, and on paper."""

from __future__ import annotations

STYLE = """
:root { --ink: #1a1d21; --dim: #545b66; --line: #c9ced6; --paper: #ffffff; --soft: #f4f6f8; --link: #0b5394; --mark: #7a4b00;
  --notice: #fff6e0; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem clamp(0.8rem, 3vw, 2.5rem) 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.6rem 0 0.4rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 0.6rem; padding-top: 0.5rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.8rem 0 0.4rem; }
p, li { max-width: 52rem; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; list-style: none; padding: 0; }
.dim { color: var(--dim); }
.notice { background: var(--notice); border-left: 0.35rem solid var(--mark); padding: 0.5rem 0.9rem; margin: 1rem 0; }
.notice p { margin: 0.3rem 0; }
.scroll { overflow-x: auto; margin: 0.8rem 0 1.6rem; }
table { border-collapse: collapse; font-size: 0.85rem; }
caption { text-align: left; color: var(--dim); padding: 0 0 0.4rem; max-width: min(52rem, 92vw); }
th, td { padding: 0.28rem 0.6rem 0.28rem 0; vertical-align: top; text-align: left; }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody tr.group > * { border-top: 1px solid var(--line); }
tbody { border-bottom: 1px solid var(--line); }
thead th.number { max-width: 6.5rem; white-space: normal; }
tbody th, tbody td:not(.number) { min-width: 7rem; overflow-wrap: anywhere; }
.interval { display: block; color: var(--dim); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0.8rem; }
figure { margin: 1rem 0 1.8rem; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: var(--dim); font-size: 0.9rem; max-width: 52rem; padding-top: 0.35rem; overflow-wrap: anywhere; }
figcaption strong { color: var(--ink); }
.key { display: inline-flex; align-items: center; gap: 0.4rem; margin-right: 1.2rem; }
.swatch { display: inline-block; width: 2.2rem; height: 0; }
.reference-line { border-top: 4px solid #56b4e9; }
.prediction-line { border-top: 4px dashed #e69f00; }
pre { background: var(--soft); padding: 0.7rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
dt { font-weight: 600; margin-top: 0.7rem; }
dd { margin: 0 0 0 1.2rem; max-width: 50rem; }
@media (max-width: 40rem) { body { font-size: 0.95rem; } h1 { font-size: 1.4rem; } table { font-size: 0.82rem; } }
@media print {
  @page { size: landscape; margin: 12mm; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav, .skip { display: none; }
  a { color: inherit; text-decoration: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td, .number { padding-right: 0.35rem; }
  tbody th, tbody td:not(.number) { min-width: 6rem; }
  thead { display: table-header-group; }
  tr, figure, .notice { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  figure img { max-height: 130mm; }
  .notice, .swatch { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
"""No font, picture or script comes from anywhere but the file itself."""
