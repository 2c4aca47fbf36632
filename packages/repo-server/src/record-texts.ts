/** The JSON of records read lately, by CID. A CID names one value for ever, so an entry is never stale. */
export interface RecordTexts {
  get(cid: string): string | undefined
  set(cid: string, json: string): void
}

/** Counted per entry besides the text: key, map slot, string header. */
const OVERHEAD = 200

/**
 * Two generations, as of blocks: what nobody asked for while half of the characters came anew is forgotten.
 *
 * @param limit characters; longer texts than a 64th of it are not kept.
 */
export function createRecordTexts(limit: number = 8 * 1024 * 1024): RecordTexts {
  let young = new Map<string, string>()
  let old = new Map<string, string>()
  let size = 0
  const set = (cid: string, json: string): void => {
    if (json.length > limit / 64 || young.has(cid)) return
    young.set(cid, json)
    size += json.length + OVERHEAD
    if (size <= limit / 2) return
    old = young
    young = new Map()
    size = 0
  }
  return {
    get: (cid) => {
      const json = young.get(cid)
      if (json !== undefined) return json
      const older = old.get(cid)
      if (older !== undefined) set(cid, older)
      return older
    },
    set,
  }
}
