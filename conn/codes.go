package conn

// Codes of diagnostics. They are stable; texts are not.
const (
	CodeOpen            = "open"            // a file cannot be opened or read
	CodeNotRegular      = "not-regular"     // a directory, FIFO, device or socket
	CodeTooLarge        = "too-large"       // a limit on size or number is exceeded
	CodeBinary          = "binary"          // a NUL byte
	CodeByteOrderMark   = "byte-order-mark" // the file begins with a byte order mark
	CodeCarriageReturn  = "carriage-return" // CR LF line ends
	CodeTooManyProblems = "too-many-problems"

	CodeSyntax          = "syntax"            // text that fits no rule
	CodeMissingEquals   = "missing-equals"    // key without "="
	CodeMissingName     = "missing-name"      // conn, include or version without its argument
	CodeTextAfterValue  = "text-after-value"  // more than one word without quotes
	CodeSingleQuote     = "single-quote"      // single quotes do not quote
	CodeHashWord        = "hash-word"         // #word is no comment after other text
	CodeHashValue       = "hash-value"        // "#" after "=" begins a value
	CodeLiteralQuote    = "literal-quote"     // a quote that became part of the value
	CodeBackslash       = "backslash"         // a backslash at the end of a line continues nothing
	CodeTextBeforeEqual = "text-before-equal" // text between key and "=" is dropped
	CodeBracedComment   = "braced-comment"    // braces reach into a comment
	CodeIndentedHeader  = "indented-header"   // conn, config, include or version not in the first column
	CodeNotIndented     = "not-indented"      // a key in the first column
	CodeNoSection       = "no-section"        // a key before any section
	CodeLateVersion     = "late-version"      // version after other text

	CodeIncludeNotFound  = "include-not-found"
	CodeIncludeRelative  = "include-relative"  // relative to the working directory, not to the file
	CodeIncludeDepth     = "include-depth"     // nested too deeply
	CodeIncludeSkipped   = "include-skipped"   // an unreadable file ends the list
	CodeIncludeContinued = "include-continued" // keys after an include belong to the last section of the file
	CodeNoFinalNewline   = "no-final-newline"  // an included file ends without newline

	CodeUnknownKey    = "unknown-key"
	CodeWrongSection  = "wrong-section"   // a conn key in config setup or the reverse
	CodeNeedsSide     = "needs-side"      // a key that needs left or right in front
	CodeObsoleteKey   = "obsolete-key"    // accepted and ignored
	CodeCommandLine   = "command-line"    // allowed on pluto's command line only
	CodeDuplicateKey  = "duplicate-key"   // twice in one section, or equal by also=
	CodeConflictKey   = "conflicting-key" // by also= twice with different values
	CodeBothSpellings = "both-spellings"  // own key with and without prefix
	CodeRefusedKey    = "libreswan-refuses-key"
	CodeRefusedValue  = "libreswan-refuses-value" // more than libreswan allows
	CodeLibreswan4    = "libreswan-4-differs"     // libreswan 4.10 reads it in another way
	CodeQuoteInList   = "quote-in-list"           // a double quote in a list value
	CodeAlsoNotFound  = "also-not-found"
	CodeDuplicateConn = "duplicate-conn"

	CodeInvalidValue   = "invalid-value"
	CodeConflict       = "conflict"        // two keys contradict each other
	CodeRequired       = "required"        // a key is missing
	CodeIgnored        = "ignored"         // a key has no effect here
	CodeNumberForm     = "number-form"     // a number that is not what it looks like, such as an octal one
	CodeHostBits       = "host-bits"       // a subnet with bits set behind its length
	CodeInterfaceName  = "interface-name"  // a device name libreswan misreads
	CodeIfIDDiffers    = "if-id-differs"   // if_id= is not what ipsec-interface= makes it
	CodeMarkUnique     = "mark-unique"     // mark=-1
	CodeFamilyMismatch = "family-mismatch" // a member of a subnets product that mixes families
)
