import { IGNORED, REFUSED } from './known-variables.ts'
import { SettingError } from './values.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Settings that say where data or keys are, or how safe: a slip in the name of one must not start a server that lacks them. */
const BEARING: ReadonlySet<string> = new Set([
  'PDS_DATA_DIRECTORY',
  'PDS_DB_POSTGRES_URL',
  'PDS_DB_POSTGRES_SCHEMA',
  'PDS_BLOBSTORE_DISK_LOCATION',
  'PDS_BLOBSTORE_S3_BUCKET',
  'PDS_BLOBSTORE_S3_ENDPOINT',
  'PDS_JWT_SECRET',
  'PDS_ADMIN_PASSWORD',
  'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
  'PDS_PLC_PREVIOUS_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
  'PDS_RECOVERY_DID_KEY',
  'PDS_SQLITE_SYNCHRONOUS',
  'PDS_HOSTNAME',
  'PDS_SERVICE_DID',
])
/** Changes of one letter up to which a name is taken for a slip. */
const MAX_SLIPS = 4

/**
 * Looks through the environment for variables that this server does not read, and says of each what to do.
 * @param settings the names that are read
 * @returns a line for each `PDS_` variable (and log variable of the reference server) without effect; empty ones count as absent
 * @throws SettingError for one that says where data or keys are
 */
export function checkEnvironment(env: Environment, settings: readonly string[]): string[] {
  const known = new Set(settings)
  const warnings: string[] = []
  for (const name of Object.keys(env).toSorted()) {
    if (env[name] === undefined || env[name] === '' || known.has(name)) continue
    const refusal = REFUSED.get(name)
    if (refusal !== undefined) throw new SettingError(name, `${name}: not supported, ${refusal}`)
    const reason = IGNORED.get(name)
    if (reason !== undefined) warnings.push(`${name} has no effect: ${reason}`)
    else if (name.startsWith('PDS_')) warnings.push(unknown(name, [...known, ...REFUSED.keys()]))
  }
  return warnings
}

function unknown(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== null && (BEARING.has(near) || REFUSED.has(near))) {
    throw new SettingError(name, `${name}: no such setting, did you mean ${near}? Rename or remove it`)
  }
  return `${name} is no setting and has no effect${near === null ? '' : `; did you mean ${near}?`}`
}

/** The known name that the fewest slips lead to, or null when all are far. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null
  let least = MAX_SLIPS + 1
  // Names are bounded before they are compared: an environment may hold anything.
  if (name.length > 100) return null
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue
    const distance = slips(name, candidate)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions and replacements of one letter that lead from one text to the other (Levenshtein). */
function slips(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1))
    }
    previous = current
  }
  return previous[to.length]!
}
