/** The page's style: the browser's own fonts, its light or dark scheme, nothing fetched. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#ffffff, #14171c);
  --panel: light-dark(#f7f8fa, #1b1f26);
  --line: light-dark(#dfe3e8, #303741);
  --text: light-dark(#1b2129, #e4e8ed);
  --soft: light-dark(#57606c, #9aa5b2);
  --own: light-dark(#fff3ec, #2b201a);
  --good: light-dark(#11703c, #5fd08f);
  --bad: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 5rem; max-width: 76rem; background: var(--ground); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
p { margin: .5rem 0; max-width: 62rem; }
nav { margin: 1.5rem 0; padding: .8rem 1rem; background: var(--panel); border-radius: 8px; font-size: .9rem; }
nav a { display: inline-block; margin-right: 1.2rem; color: inherit; text-decoration-color: var(--soft); }
.scroll { overflow-x: auto; margin: 1rem 0 1.6rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: 0 0 .4rem; font-weight: 600; }
caption::first-letter { text-transform: uppercase; }
th, td { padding: .34rem .7rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: nowrap; }
td { white-space: nowrap; }
td.wide { white-space: normal; min-width: 16rem; }
th:first-child, td:first-child { padding-left: .4rem; }
.right { text-align: right; }
tr.own td { background: var(--own); font-weight: 600; }
td code { font: .8rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.reached { color: var(--good); font-weight: 600; }
.reached::before { content: "\\2713\\00a0"; }
.missed { color: var(--bad); font-weight: 600; }
.missed::before { content: "\\2717\\00a0"; }
.unmeasured { color: var(--soft); }
td.barcell { width: 32%; min-width: 11rem; vertical-align: middle; }
.bar { position: relative; height: .8rem; }
.bar i { position: absolute; inset: 0 auto 0 0; border-radius: 2px; min-width: 2px; background: light-dark(var(--l), var(--d)); }
.bar b { position: absolute; top: 50%; height: 7px; margin-top: -3.5px; border: solid var(--text); border-width: 0 1.5px; }
.bar b::before { content: ""; position: absolute; left: 0; right: 0; top: 50%; border-top: 1.5px solid var(--text); margin-top: -.75px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 1.4rem; margin: 1rem 0; }
figure { margin: 0; padding: 1rem 1rem .8rem; background: var(--panel); border-radius: 8px; min-width: 0; }
.source { color: var(--soft); font-size: .75rem; margin: .5rem 0 0; overflow-wrap: anywhere; }
figcaption { color: var(--soft); font-size: .85rem; margin: .15rem 0 .6rem; }
.uplot, .uplot *, .uplot *::before, .uplot *::after { box-sizing: border-box; }
.uplot .u-legend { display: block; text-align: left; font-size: .8rem; margin-top: .5rem; width: 100%; }
.uplot .u-legend tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.uplot .u-legend tr { display: flex; margin: 0; min-width: 0; }
.uplot .u-legend tr:first-child { grid-column: 1 / -1; }
.uplot .u-legend tr:first-child .u-marker { visibility: hidden; }
.uplot .u-legend th, .uplot .u-legend td { border: 0; padding: .1rem .2rem; color: var(--text); font-weight: 400; vertical-align: middle; }
.uplot .u-legend .u-value { min-width: 4.2rem; color: var(--soft); }
.uplot .u-legend .u-off > * { opacity: .35; }
.u-cursor-x, .u-cursor-y { border-color: var(--soft) !important; }
`;
