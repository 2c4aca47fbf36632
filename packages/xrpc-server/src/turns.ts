/** How long work may hold one turn of the event loop, in milliseconds. */
const sliceMs = 5

type Later = (run: () => void) => void
// Timers are what every platform has; where there is more, a turn need not wait for the clock.
const nextTurn: Later =
  typeof setImmediate === 'function' ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0)

/**
 * Shares turns of the event loop among pieces of work that always have more to do. Iterators whose items are at hand go on
 * from microtask to microtask, and as long as they do nothing else happens: no request, no timer, no close of the very socket
 * they send to. A piece that finds the turn's time used up waits in line for the next turn.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #next = 0
  #until = 0
  #running = false

  /** Runs `step` now, or in a later turn. It must be short, and must not throw. */
  run(step: () => void): void {
    if (!this.#running) this.#begin()
    // Those in line are not overtaken.
    if (this.#next === this.#waiting.length && performance.now() < this.#until) step()
    else this.#waiting.push(step)
  }

  #begin(): void {
    this.#running = true
    this.#until = performance.now() + sliceMs
    nextTurn(() => this.#turn())
  }

  #turn(): void {
    if (this.#next === this.#waiting.length) {
      this.#running = false
      return
    }
    this.#begin()
    // At least one, or a slow clock would stop everything. What steps add to the line is for a later turn.
    let left = this.#waiting.length - this.#next
    do {
      const step = this.#waiting[this.#next]!
      this.#next += 1
      left -= 1
      step()
    } while (left > 0 && performance.now() < this.#until)
    if (this.#next === this.#waiting.length || this.#next > 1024) {
      this.#waiting.splice(0, this.#next)
      this.#next = 0
    }
  }
}
