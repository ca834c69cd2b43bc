import { Duplex } from 'node:stream'

/** A client's connection without a network: what it takes, and when, is up to the test. */
export class HeldClient extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  /** What the server has written and the client taken. */
  received = Buffer.alloc(0)
  /** The server ended its side in good order. */
  ended = false
  #isHeld = false
  #waiting: (() => void) | undefined

  constructor() {
    super({ highWaterMark: 512, autoDestroy: true })
  }

  send(text: string): void {
    this.push(text)
  }

  /** Takes nothing more until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    const taken = this.#waiting
    this.#waiting = undefined
    taken?.()
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  destroySoon(): void {
    this.end()
  }

  resetAndDestroy(): void {
    this.destroy()
  }

  override _read(): void {
    // Everything is pushed by `send`.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received = Buffer.concat([this.received, chunk])
    if (this.#isHeld) this.#waiting = done
    else done()
  }

  override _final(done: () => void): void {
    this.ended = true
    done()
  }
}
