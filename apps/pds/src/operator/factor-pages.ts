import { PdsError } from '../errors.ts'
import type { Act } from './acts.ts'
import type { OperatorFactor } from './operator-factor.ts'
import { isServerProof } from './server-proof.ts'

/** What a change of the factor names, for its proof. */
export const factorProofText = (change: string, code = ''): string => `operator factor ${change} ${code}`

/**
 * Changes of the factor of the operator's page. The password is not enough for these, or the factor would guard nothing from whoever
 * has it: they take a proof of the server's secrets, as commands on the server have them.
 * @throws PdsError `invalid-request`, `auth-required`
 */
export function factorAct(
  factor: OperatorFactor,
  jwtSecret: string,
  body: Readonly<Record<string, unknown>>,
): Act {
  const { change, code = '', proof } = body
  if (typeof change !== 'string' || typeof code !== 'string' || code.length > 64) {
    throw new PdsError('invalid-request', 'Expected what to change')
  }
  const action = ACTIONS.get(change)
  if (action === undefined) throw new PdsError('invalid-request', `Unknown change of the factor: ${change}`)
  const run = async (): Promise<object> => {
    if (!isServerProof(jwtSecret, factorProofText(change, code), proof)) {
      throw new PdsError(
        'auth-required',
        "This takes the server's secrets too: run the command where its data is",
      )
    }
    switch (change) {
      case 'add':
        return factor.propose()
      case 'confirm':
        return { recoveryCodes: await factor.confirm(code) }
      case 'remove':
        await factor.remove()
        return {}
      default:
        return { recoveryCodes: await factor.renewRecoveryCodes() }
    }
  }
  return { action, did: null, detail: {}, run }
}

const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['add', 'operator factor proposed'],
  ['confirm', 'operator factor added'],
  ['remove', 'operator factor removed'],
  ['recovery-codes', 'operator recovery codes made'],
])
