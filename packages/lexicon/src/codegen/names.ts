import type { LexiconDocument } from '../document.ts'

const RESERVED: ReadonlySet<string> = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends
  false finally for function if implements import in instanceof interface let new null package private protected
  public return static super switch this throw true try typeof undefined var void while with yield`.split(
    /\s+/,
  ),
)

/** `com.atproto.repo.getRecord` → `ComAtprotoRepoGetRecord`. */
export function namespaceName(nsid: string): string {
  return nsid
    .split('.')
    .map((segment) => pascal(segment))
    .join('')
}

/** `getRecord` → `GetRecord`, `a-b` → `AB`. */
export function pascal(name: string): string {
  const joined = name
    .split(/[^A-Za-z0-9_$]+/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
  return /^[0-9]/.test(joined) ? `_${joined}` : joined
}

/** `view` → `$view`, `a-b` → `$aB`. */
export function linkedName(def: string): string {
  return `$${def.charAt(0)}${pascal(def).slice(1)}`
}

/** The names that a document's definitions have in its module. */
export type ModuleNames = {
  /** The type of a definition. */
  readonly type: (def: string) => string
  /** The value of a definition. */
  readonly value: (def: string) => string
  /** The definition itself, linked to those it refers to. */
  readonly linked: (def: string) => string
  /** What a record is called besides `Main` (its NSID's last segment); null where a definition has the name. */
  readonly record: string | null
}

/** Types that the main definition of a method gives to its module, whatever the other definitions are called. */
const METHOD_TYPES: readonly string[] = ['Params', 'DecodedParams', 'Input', 'Output', 'Message', 'ErrorName']

/** Names for every definition: different from each other, from keywords and from the module's own. */
export function moduleNames(document: LexiconDocument): ModuleNames {
  const main = document.defs['main']
  const isMethod = main?.type === 'query' || main?.type === 'procedure' || main?.type === 'subscription'
  const types = new Map<string, string>()
  const values = new Map<string, string>()
  const takenTypes = new Set<string>([...(isMethod ? METHOD_TYPES : []), ...IMPORTED])
  const linked = new Map<string, string>()
  const takenValues = new Set<string>()
  const taken = (wanted: string, set: Set<string>): string => {
    let name = wanted
    while (set.has(name)) name += '_'
    set.add(name)
    return name
  }
  for (const def of Object.keys(document.defs)) {
    types.set(def, taken(pascal(def), takenTypes))
    const camel = pascal(def)
    const value = def.charAt(0) + camel.slice(1)
    values.set(def, taken(RESERVED.has(value) ? `${value}_` : value, takenValues))
  }
  for (const def of Object.keys(document.defs)) {
    linked.set(def, taken(linkedName(def), takenValues))
  }
  const last = pascal(document.id.slice(document.id.lastIndexOf('.') + 1))
  const free = !takenTypes.has(last) && !takenValues.has(`is${last}`) && !takenValues.has(`create${last}`)
  return {
    type: (def) => types.get(def)!,
    value: (def) => values.get(def)!,
    linked: (def) => linked.get(def) ?? linkedName(def),
    record: main?.type === 'record' && free ? last : null,
  }
}

/** Names that modules import: a definition must not shadow them. */
const IMPORTED: readonly string[] = [
  'AtIdentifier',
  'AtUri',
  'BlobRef',
  'CID',
  'CidString',
  'DataObject',
  'Datetime',
  'DefSchema',
  'Did',
  'Handle',
  'Language',
  'LinkedDef',
  'Nsid',
  'PermissionSet',
  'Procedure',
  'Query',
  'RecordKey',
  'RecordSchema',
  'Subscription',
  'Tid',
  'Typed',
  'UnknownVariant',
  'Uri',
  'Uint8Array',
  'Omit',
]
