/** One message: exactly one of `text` and `bytes` is there. */
export type TextOrBytes =
  | { readonly text: string; readonly bytes?: undefined }
  | { readonly bytes: Uint8Array; readonly text?: undefined }
