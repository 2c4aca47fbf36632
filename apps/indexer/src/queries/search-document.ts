// The lexicon of `<collection>.searchRecords`.

import { MAX_QUESTION } from '../search/expression.ts'
import { INCLUDED_PROPERTY, JOIN_DEFS, joinParams, LINKED_PROPERTY } from './join-schema.ts'
import { json, MAX_CURSOR, MAX_LIMIT, RECORD_REQUIRED, recordProperties } from './output.ts'
import { MAX_STRETCHES } from './plan.ts'

/** What may be asked of a collection that can be searched. @param references the names of fields that point to records */
export function searchDocument(collection: string, references: readonly string[]): object {
  const byte = { type: 'integer', minimum: 0 }
  return {
    lexicon: 1,
    id: `${collection}.searchRecords`,
    defs: {
      main: {
        type: 'query',
        description: `Records of ${collection} by the words in them.`,
        parameters: {
          type: 'params',
          required: ['q'],
          properties: {
            q: {
              type: 'string',
              maxLength: 4 * MAX_QUESTION,
              description: 'Words, "phrases", beginnings* and -what is left out.',
            },
            author: {
              type: 'array',
              items: { type: 'string', format: 'at-identifier' },
              maxLength: MAX_STRETCHES,
              description: 'Only records of these accounts.',
            },
            lang: {
              type: 'array',
              items: { type: 'string', format: 'language' },
              maxLength: MAX_STRETCHES,
              description: 'Only records that say to be in one of these languages.',
            },
            order: { type: 'string', enum: ['best', 'newest'], default: 'best' },
            limit: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: 25 },
            cursor: { type: 'string', maxLength: MAX_CURSOR },
            ...joinParams(references),
          },
        },
        output: json({
          required: ['records'],
          properties: {
            cursor: { type: 'string' },
            records: { type: 'array', items: { type: 'ref', ref: '#record' } },
            ...INCLUDED_PROPERTY,
          },
        }),
        errors: ['InvalidCursor', 'InvalidQuestion', 'IndexBuilding', 'TooCostly'].map((name) => ({ name })),
      },
      record: {
        type: 'object',
        required: [...RECORD_REQUIRED, 'highlights'],
        properties: {
          ...recordProperties(collection),
          highlights: { type: 'array', items: { type: 'ref', ref: '#highlight' } },
          ...LINKED_PROPERTY,
        },
      },
      ...JOIN_DEFS,
      highlight: {
        type: 'object',
        description: 'A part of a text of the record, with the places of what was found in it.',
        required: ['field', 'text', 'ranges'],
        properties: {
          field: { type: 'string' },
          text: { type: 'string' },
          ranges: { type: 'array', items: { type: 'ref', ref: '#range' } },
        },
      },
      range: {
        type: 'object',
        description: 'Bytes of the UTF-8 of a text; the end is behind the last one.',
        required: ['byteStart', 'byteEnd'],
        properties: { byteStart: byte, byteEnd: byte },
      },
    },
  }
}
