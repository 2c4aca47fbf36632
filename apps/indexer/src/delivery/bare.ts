// Events as they stand in the log: what is made of them is made when they are sent, which may be later, or never.

import type { Shape } from '../stream/pages.ts'

const NOTHING = { bytes: new Uint8Array(0), size: 0 }

/** Writes nothing. */
export const BARE: Shape = { encode: () => NOTHING }
