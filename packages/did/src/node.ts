export {
  createAddressLookup,
  createTxtLookup,
  type AddressLookupOptions,
  type TxtLookupOptions,
} from './dns-node.ts'
