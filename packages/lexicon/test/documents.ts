// Documents as JSON.

/** A record whose text has at most so many bytes. */
export const noteJson = (max: number): object => ({
  lexicon: 1,
  id: 'com.example.note',
  defs: {
    main: {
      type: 'record',
      key: 'tid',
      record: {
        type: 'object',
        required: ['text'],
        properties: { text: { type: 'string', maxLength: max } },
      },
    },
  },
})

/** One object, `com.example.defs#view`. */
export const defsJson = {
  lexicon: 1,
  id: 'com.example.defs',
  defs: { view: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } },
}
