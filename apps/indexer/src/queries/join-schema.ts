// The parts that joins have in the lexicons of a collection's queries.

import type { LexiconArray, LexiconObject, LexiconParam } from '@avocet/lexicon'

/** Sources of links that are counted for each record. */
const MAX_LINKED = 5
/** Records named of each source. */
const MAX_LINKED_RECORDS = 10

/** The parameters of joins. @param references the names of fields that point to records */
export function joinParams(references: readonly string[]): Record<string, LexiconParam> {
  return {
    linked: {
      type: 'array',
      items: { type: 'string', maxLength: 600 },
      maxLength: MAX_LINKED,
      description:
        'Count the records that point to each: a collection, a colon, a path, as in app.bsky.feed.like:subject.uri.',
    },
    linkedLimit: {
      type: 'integer',
      minimum: 0,
      maximum: MAX_LINKED_RECORDS,
      default: 0,
      description: 'How many of them to name.',
    },
    ...(references.length === 0
      ? {}
      : {
          hydrate: {
            type: 'array',
            items: { type: 'string', enum: references },
            maxLength: references.length,
            description: 'Give the records that these fields point to as well.',
          },
        }),
  }
}

/** What a record has of them. */
export const LINKED_PROPERTY: { readonly linked: LexiconArray } = {
  linked: { type: 'array', items: { type: 'ref', ref: '#linked' } },
}

/** What an answer has of them. */
export const INCLUDED_PROPERTY: { readonly included: LexiconArray } = {
  included: { type: 'array', items: { type: 'ref', ref: '#included' } },
}

/** What these refer to. */
export const JOIN_DEFS: { readonly linked: LexiconObject; readonly included: LexiconObject } = {
  linked: {
    type: 'object',
    required: ['source', 'count'],
    properties: {
      source: { type: 'string' },
      count: { type: 'integer', minimum: 0 },
      more: { type: 'boolean', description: 'There are more than were counted.' },
      records: { type: 'array', items: { type: 'string', format: 'at-uri' } },
    },
  },
  included: {
    type: 'object',
    description: 'A record that others point to.',
    required: ['uri', 'cid', 'value'],
    properties: {
      uri: { type: 'string', format: 'at-uri' },
      cid: { type: 'string', format: 'cid' },
      value: { type: 'unknown' },
    },
  },
}
