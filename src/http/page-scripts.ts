import { createHash } from 'node:crypto'

/** A script of ours, never with anything in it that came from outside: pages allow it by its hash. */
export interface PageScript {
  readonly code: string
  /** SHA-256, base64. */
  readonly hash: string
}

/** What all begin with: the names they share, and how the page comes to say something else. */
const SHARED = `const place='bearergate-form',form=document.getElementById('form')
const say=()=>{document.querySelector('main').replaceChildren(document.getElementById('instead').content);document.title=document.querySelector('h1').textContent}
const send=()=>HTMLFormElement.prototype.submit.call(form)`

/** Keeps the sealed form of the page in this tab. */
export const KEEP_FORM =
  pageScript(`sessionStorage.setItem(place,form.querySelector('textarea').value)
say()`)

/** Brings the sealed form of this tab to us, if it is the one that the address asks for. */
export const BRING_FORM = pageScript(`const id=new URLSearchParams(location.search).get('id')
const kept=sessionStorage.getItem(place)
if(kept&&kept.startsWith(id+'.')){say();form.querySelector('textarea').value=kept;send()}`)

/** Sends the form of the page, once: it is gone when somebody comes back. */
export const SEND_FORM = pageScript(`sessionStorage.removeItem(place)
addEventListener('pagehide',()=>Element.prototype.remove.call(form))
say()
send()`)

/** Storage that is forbidden or full throws: then the page stays what it is. */
function pageScript(steps: string): PageScript {
  const code = `try{${SHARED}\n${steps}\n}catch{}`
  return { code, hash: createHash('sha256').update(code).digest('base64') }
}
