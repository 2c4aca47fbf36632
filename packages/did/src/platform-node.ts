import type { LookupTxt } from './dns.ts'
import { createTxtLookup } from './dns-node.ts'

export { createGuardedFetch } from './guarded-fetch-node.ts'

/** TXT records as this platform can get them. */
export const createDefaultTxtLookup = (): LookupTxt => createTxtLookup()
