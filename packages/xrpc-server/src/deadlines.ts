interface Waiting {
  readonly until: number
  readonly late: () => void
}

const checkMs = 250

/**
 * Time limits of many short pieces of work. A timer for each would cost more than a small query; one timer looks after
 * all of them, a quarter of a second late at most, and runs only while there is work.
 */
export class Deadlines {
  readonly #waiting = new Set<Waiting>()
  #watching = false

  /** What `then` makes of the work's result; rejects with what `late` gives when the work takes longer than `ms`. */
  race<T, R>(work: Promise<T>, ms: number, late: () => Error, then: (result: T) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const entry: Waiting = { until: performance.now() + ms, late: () => reject(late()) }
      this.#waiting.add(entry)
      if (!this.#watching) this.#watch()
      work.then(
        (value) => {
          this.#waiting.delete(entry)
          try {
            resolve(then(value))
          } catch (error) {
            reject(error)
          }
        },
        (error: unknown) => {
          this.#waiting.delete(entry)
          reject(error)
        },
      )
    })
  }

  #watch(): void {
    this.#watching = true
    const timer: ReturnType<typeof setTimeout> & { unref?: () => void } = setTimeout(
      () => this.#check(),
      checkMs,
    )
    // The work itself is what keeps a process alive, not the watch over it.
    timer.unref?.()
  }

  #check(): void {
    const now = performance.now()
    for (const entry of this.#waiting) {
      if (entry.until > now) continue
      this.#waiting.delete(entry)
      entry.late()
    }
    if (this.#waiting.size > 0) this.#watch()
    else this.#watching = false
  }
}
