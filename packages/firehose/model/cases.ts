// All named sequences.

import type { ModelCase } from './case.ts'
import { FOUND } from './found.ts'
import { SEQUENCES } from './sequences.ts'

/** Names are unique and stay. */
export const MODEL_CASES: readonly ModelCase[] = [...SEQUENCES, ...FOUND]
