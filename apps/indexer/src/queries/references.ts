// Where records point to others, as their lexicons say.

import type { Catalog, LexiconObject } from '@avocet/lexicon'
import { recordObject } from '../projections/field.ts'

/** Depth, and number, of references that can be followed. */
const MAX_DEPTH = 3
const MAX_REFERENCES = 20

/** The paths of a record at which an at:// URI of a record may stand, lists aside. */
export function referencePaths(catalog: Catalog, collection: string): string[] {
  const found: string[] = []
  const visit = (object: LexiconObject, nsid: string, before: readonly string[]): void => {
    for (const [name, field] of Object.entries(object.properties)) {
      const path = [...before, name]
      if (found.length >= MAX_REFERENCES || name.includes('.')) continue
      if (field.type === 'string' && field.format === 'at-uri') found.push(path.join('.'))
      if (field.type !== 'ref' || path.length >= MAX_DEPTH) continue
      const ref = field.ref.startsWith('#') ? nsid + field.ref : field.ref
      const def = catalog.def(ref)
      if (def?.type === 'object') visit(def, ref.split('#', 1)[0]!, path)
    }
  }
  const record = recordObject(catalog, collection)
  if (record !== null) visit(record, collection, [])
  return found
}
