// All cases, in the order of the checks.

import { AUTHORITY_CASES } from './cases/authority.ts'
import { BLOCK_CASES, SIGNATURE_CASES } from './cases/blocks.ts'
import { CHAIN_CASES, SYNC_CASES } from './cases/chain.ts'
import { COSTLY_CASES } from './cases/costly.ts'
import { EDGE_CASES } from './cases/edges.ts'
import { ENVELOPE_CASES } from './cases/envelope.ts'
import { INVERSION_CASES, OPERATION_CASES } from './cases/operations.ts'
import { TREE_CASES } from './cases/tree.ts'
import { VALID_CASES } from './cases/valid.ts'
import { WAITING_CASES } from './cases/waiting.ts'
import type { Case } from './script.ts'

/** Every case of the suite. Names are unique and stay. */
export const CASES: readonly Case[] = [
  ...VALID_CASES,
  ...EDGE_CASES,
  ...ENVELOPE_CASES,
  ...AUTHORITY_CASES,
  ...BLOCK_CASES,
  ...SIGNATURE_CASES,
  ...OPERATION_CASES,
  ...TREE_CASES,
  ...INVERSION_CASES,
  ...CHAIN_CASES,
  ...SYNC_CASES,
  ...COSTLY_CASES,
  ...WAITING_CASES,
]
