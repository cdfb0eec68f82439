// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/export/runner.h"
#include "libfiona/export/settings.h"

#include <string>
#include <string_view>

namespace fiona::exports {

/// Sends, for each encrypted package, one mail with the link to it; the text is that of the template
/// (EXPORT.mail_template). The password goes another way: whoever asked has chosen it. Nothing if the site has no
/// mail server (SMTP). A server that took the mail and did not answer counts as one that has it: no
/// mail is sent twice. Keeps references. Throws Error{Fault::config}.
[[nodiscard]] SendMail mail_sender(const Config& config, const ExportSettings& settings);

/// RFC 3986 §2.1: all but unreserved characters as `%XX`.
[[nodiscard]] std::string url_encoded(std::string_view text);

} // namespace fiona::exports
