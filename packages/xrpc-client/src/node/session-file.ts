/**
 * Sessions in files, where programs keep their state.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { replaceFile } from '@avocet/data/node'
import type { SessionStore } from '../session.ts'
import { parseSessionData } from '../session-data.ts'

/** Settings of {@link createFileSessionStore}. */
export interface FileSessionStoreOptions {
  /** Name of the program: the directory under the state directory. */
  readonly program: string
  /** Whose session: one file for each. Anything but letters, digits and `._:@-` becomes `_`. */
  readonly account: string
  /** The state directory. Default `$XDG_STATE_HOME`, else `~/.local/state`. */
  readonly directory?: string
}

/**
 * Keeps a session in `<state directory>/<program>/sessions/<account>.json`, readable by its owner alone (0600, directory
 * 0700). A file is replaced whole: a crash leaves the old session or the new one. A file that is not a session is
 * treated as none.
 */
export function createFileSessionStore(
  options: FileSessionStoreOptions,
): SessionStore & { readonly path: string } {
  const path = join(
    options.directory ?? stateDirectory(),
    safe(options.program),
    'sessions',
    `${safe(options.account)}.json`,
  )
  return {
    path,
    async load() {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
      try {
        return parseSessionData(JSON.parse(text))
      } catch {
        return null
      }
    },
    async save(data) {
      if (data === null) {
        await rm(path, { force: true })
        return
      }
      const directory = dirname(path)
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await chmod(directory, 0o700)
      await replaceFile(path, `${JSON.stringify(data, null, 2)}\n`)
    },
  }
}

function stateDirectory(): string {
  const given = process.env['XDG_STATE_HOME']
  // The specification has relative paths ignored.
  return given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'state')
}

function safe(name: string): string {
  const cleaned = name.replaceAll(/[^A-Za-z0-9._:@-]/g, '_').replace(/^\.+/, '_')
  if (cleaned === '' || cleaned.length > 200) throw new TypeError('not a usable name for a file')
  return cleaned
}
