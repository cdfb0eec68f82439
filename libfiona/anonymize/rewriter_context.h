// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/rewriter.h"

namespace fiona::anonymize {

/// Where in a data set the rewriter is.
struct Rewriter::Context {
    Scope scope;
    const Charset& charset;
    std::string path;        ///< of the item: "0040,0275>"
    bool is_content = false; ///< inside an SR content tree
    Tag path_tag{};          ///< of the sequence the item is in
};

} // namespace fiona::anonymize
