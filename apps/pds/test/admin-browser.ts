// A browser at the operator's page.
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

import { createProgram } from '../src/commands/program.ts'
import { createBrowser, fieldsOf, type Seen, type TestBrowser, type Visiting } from './browser.ts'
import { ADMIN_PASSWORD, type TestNetwork } from './network.ts'

/** What somebody does at the operator's page. */
export interface AdminBrowser {
  readonly browser: TestBrowser
  /** Goes to a page, from a page of the same server. */
  visit(path: string, options?: Visiting): Promise<Seen>
  /** Sends the form of a page whose field `do` is this, with these values in the place of what its fields hold. */
  submit(page: Seen, act: string, typed?: Readonly<Record<string, string>>, options?: Visiting): Promise<Seen>
  /** Signs in, and gives what came back. */
  signIn(typed?: Readonly<Record<string, string>>, options?: Visiting): Promise<Seen>
}

/** A browser that has been nowhere yet. */
export function createAdminBrowser(origin: () => string): AdminBrowser {
  const browser = createBrowser(origin)
  const visit: AdminBrowser['visit'] = (path, options = {}) =>
    browser.visit(new URL(path, origin()).href, {
      ...options,
      headers: { 'sec-fetch-site': 'same-origin', ...options.headers },
    })
  const submit: AdminBrowser['submit'] = (page, act, typed = {}, options = {}) => {
    const form = [...page.text.matchAll(/<form method="post" action="([^"]*)">(.*?)<\/form>/gs)].find(
      ([, , inner]) => inner!.includes(`name="do" value="${act}"`),
    )
    if (form === undefined) throw new Error(`no form ${act} on the page ${page.title}`)
    const kept = fieldsOf(page, act).filter(([name]) => !(name in typed))
    const fields = [...kept, ...Object.entries(typed)]
    return browser.post(new URL(form[1]!, origin()).href, fields, options)
  }
  return {
    browser,
    visit,
    submit,
    signIn: async (typed = {}, options = {}) => {
      const page = await visit('/admin', options)
      return submit(page, 'sign-in', { password: ADMIN_PASSWORD, ...typed }, options)
    },
  }
}

/** Runs a command against the server of a network, and gives what it printed. */
export async function runCommand(net: TestNetwork, ...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const env = { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD, ...pdsDatabaseEnvironment(net.folder) }
  const program = createProgram({ env, print: (line) => lines.push(line), serve: () => Promise.resolve() })
  const settings = ['--port', String(net.pds.port), '--data', net.folder]
  await program.parseAsync([...settings, ...args], { from: 'user' })
  return lines
}
