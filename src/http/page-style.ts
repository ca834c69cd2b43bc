/** The style of every page, inline and allowed by its hash; light and dark, from 320 px up. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--line:#dfe2e8;--text:#1b2130;--soft:#556074;--accent:#2450c4;--accent-hover:#1c3f9e;--on-accent:#fff;--tint:#e9eefb;--quiet:#eef0f4}
@media(prefers-color-scheme:dark){:root{--ground:#12151c;--card:#1b1f29;--line:#303747;--text:#eceff5;--soft:#a9b3c4;--accent:#9db8ff;--accent-hover:#bccdff;--on-accent:#10182c;--tint:#262f47;--quiet:#262c39}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;align-items:center;padding:clamp(1rem,5vw,2rem);background:var(--ground);color:var(--text);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header{width:100%;max-width:32rem;padding:0 .25rem .9rem;margin-top:auto;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
main{width:100%;max-width:32rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:clamp(1.5rem,6vw,2.5rem);box-shadow:0 1px 2px rgb(16 24 40/.04),0 12px 32px -16px rgb(16 24 40/.16)}
.sign{display:inline-flex;width:3rem;height:3rem;border-radius:50%;align-items:center;justify-content:center;background:var(--tint);color:var(--accent);margin-bottom:1.1rem}
.sign svg{width:1.5rem;height:1.5rem}
h1{margin:0 0 .6rem;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.012em;text-wrap:balance}
p{margin:0 0 .75rem;color:var(--soft);text-wrap:pretty;overflow-wrap:anywhere}
.ways{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.6rem}
.ways form{display:contents}
.equal{flex-direction:column;margin-bottom:0;padding:0;list-style:none}
.equal .way{width:100%}
.way{display:inline-flex;align-items:center;justify-content:center;min-height:2.9rem;padding:.55rem 1.3rem;border-radius:.65rem;border:1px solid transparent;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer;background:var(--quiet);color:var(--text)}
.way:hover{border-color:var(--line)}
.way.first{background:var(--accent);color:var(--on-accent)}
.way.first:hover{background:var(--accent-hover);border-color:transparent}
.way:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
footer{width:100%;max-width:32rem;padding:1rem .25rem 0;margin-bottom:auto;color:var(--soft);font-size:.85rem}
footer p{margin:0}
code{font:.95em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--text);user-select:all;overflow-wrap:anywhere}
@media(max-width:26rem){.way{width:100%}}
@media(forced-colors:active){.way{border-color:ButtonText}.sign{border:1px solid CanvasText}}
`
