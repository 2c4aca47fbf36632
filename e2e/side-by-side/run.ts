// Makes each call on both servers and keeps what differs.
import { readAnswer, type Answer } from './answers.ts'
import { perform, Values, type Call } from './calls.ts'
import { Comparer, type Difference } from './compare.ts'
import type { Sides } from './servers.ts'

/** What one call led to. */
export interface Outcome {
  readonly reference: Answer
  readonly avocet: Answer
  readonly differences: readonly Difference[]
}

/** Both servers, with what was saved and paired so far. */
export class Comparison {
  readonly sides: Sides
  readonly reference: Values
  readonly avocet: Values
  readonly comparer = new Comparer()
  readonly outcomes = new Map<string, Outcome>()

  constructor(sides: Sides) {
    this.sides = sides
    this.reference = new Values(sides.reference)
    this.avocet = new Values(sides.avocet)
  }

  /** Makes the calls in their order; each on both servers at once. */
  async run(calls: readonly Call[]): Promise<void> {
    for (const call of calls) {
      if (this.outcomes.has(call.name)) throw new Error(`two calls have the name ${call.name}`)
      const [reference, avocet] = await Promise.all(
        [this.reference, this.avocet].map(async (values) => {
          try {
            return await readAnswer(await perform(call, values))
          } catch (cause) {
            throw new Error(`no answer of ${values.side.name} to ${call.name}`, { cause })
          }
        }),
      )
      if (call.mustSucceed && (reference!.outcome !== '200' || avocet!.outcome !== '200')) {
        throw new Error(`${call.name} led to ${reference!.outcome} and ${avocet!.outcome}`)
      }
      const differences = this.comparer.answers(call.name, reference!, avocet!, call.unordered)
      this.outcomes.set(call.name, { reference: reference!, avocet: avocet!, differences })
    }
  }
}
