import type { LookupTxt } from './dns.ts'
import { createDohLookup } from './dns-https.ts'

export { createGuardedFetch } from './guarded-fetch-web.ts'

/** TXT records as this platform can get them. */
export const createDefaultTxtLookup = (): LookupTxt => createDohLookup()
