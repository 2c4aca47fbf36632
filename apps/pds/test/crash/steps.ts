import { Gone, type CrashServer } from './server.ts'

/** What was acknowledged, by kind. */
export type Tally = Map<string, number>

/** One act of a client. */
export interface Step<T> {
  readonly kind: string
  /** Does it; an answer acknowledges it. */
  readonly send: () => Promise<T>
  /** After a kill without an answer: what the answer would have told if it took effect, null if nothing of it did. */
  readonly look: () => Promise<T | null>
}

/** Does steps one by one across kills. */
export interface Stepper {
  /**
   * Sends until it is done. An act without an answer is looked for after the next start, and sent again only if nothing of it
   * is there.
   */
  run<T>(step: Step<T>): Promise<T>
}

/** How clients go on after a kill; `tally` counts what was acknowledged, and `unanswered` what was found done. */
export function createStepper(server: CrashServer, tally: Tally, afterKill: () => Promise<void>): Stepper {
  const count = (kind: string): void => void tally.set(kind, (tally.get(kind) ?? 0) + 1)

  /** A kill may come while one looks, too. */
  const untilAnswered = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof Gone)) throw error
      }
    }
  }

  return {
    run: async (step) => {
      for (;;) {
        try {
          const answer = await step.send()
          count(step.kind)
          return answer
        } catch (error) {
          if (!(error instanceof Gone)) throw error
        }
        await server.whenUp()
        const found = await untilAnswered(async () => {
          await afterKill()
          return step.look()
        })
        if (found === null) count('unanswered, not there')
        else {
          count('unanswered, there whole')
          return found
        }
      }
    },
  }
}
