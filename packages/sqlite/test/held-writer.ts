// A process that ends with nothing to do but a write that is held. Says which one.
import { openDatabase } from '../src/index.ts'
import { holdWrite } from './hold-write.ts'

const db = openDatabase({ path: process.argv[2]! })
const { body } = await holdWrite(db)
console.log(body)
