// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona {

namespace detail {
/// RFC 5321 §4.1.2 without quoted local parts and without letters outside ASCII: at most 254 bytes of
/// `local@domain`, so nothing in it means anything to SMTP or to a header. The complaint does not
/// repeat the address: it is somebody's.
struct MailAddressRule {
    static void check(std::string_view text);
};
} // namespace detail
using MailAddress = Checked<detail::MailAddressRule>;

namespace notify {

struct Mailbox {
    std::string name; ///< for people, UTF-8; may be empty
    MailAddress address;
};
/// `Name <address>` or the address alone. Throws Error{Fault::data}.
[[nodiscard]] Mailbox parse_mailbox(std::string_view text);

struct Attachment {
    std::string name;       ///< as the reader saves it; path separators do not survive
    std::string media_type; ///< `text/csv; charset=utf-8`
    std::string content;
};

/// One message as a person thinks of it. Every text is data: a line break in a subject, a name or a
/// file name becomes a blank, so none of them can add a header.
struct Mail {
    std::vector<Mailbox> to;
    std::string subject;
    std::string body; ///< plain text
    std::vector<Mailbox> cc{};
    std::vector<Attachment> attachments{};
    std::optional<Mailbox> from{}; ///< nothing: the site's (SMTP.from)
    /// Equal ids make equal Message-IDs, by which a reader's program shows one mail of two. Empty: a
    /// random one.
    std::string id{};
};

/// The message as it goes over the wire (RFC 5322, 2045, 2047, 2231): ASCII lines of at most 998 bytes
/// that end with CR LF. `from` is the sender if the mail names none. Throws Error{Fault::usage} for
/// a mail to nobody.
[[nodiscard]] std::string render(const Mail& mail, const Mailbox& from, TimePoint now);

} // namespace notify
} // namespace fiona
