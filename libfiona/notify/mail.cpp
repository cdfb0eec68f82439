// SPDX-License-Identifier: MIT
#include "libfiona/notify/mail.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/notify/encoding.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace fiona {

namespace {

bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_dotted(std::string_view text, std::string_view also)
{
    return !text.empty() && std::ranges::all_of(split(text, '.'), [&](std::string_view part) {
        return !part.empty() && std::ranges::all_of(part, [&](char c) {
            return is_letter_or_digit(c) || also.find(c) != std::string_view::npos;
        });
    });
}

} // namespace

void detail::MailAddressRule::check(std::string_view text)
{
    constexpr std::size_t longest_local = 64;  // RFC 5321 §4.5.3.1.1
    constexpr std::size_t longest_whole = 254; // §4.5.3.1.3, without the brackets
    const auto at = text.rfind('@');
    // RFC 5322 §3.2.3: atext.
    if (at == std::string_view::npos || at > longest_local || text.size() > longest_whole
        || !is_dotted(text.substr(0, at), "!#$%&'*+-/=?^_`{|}~")
        || !is_dotted(text.substr(at + 1), "-") || text[at + 1] == '-' || text.starts_with('-')) {
        throw Error{Fault::data, "this is no mail address (ASCII, name@host)"};
    }
}

namespace notify {

namespace {

/// What "=" begins there is legal neither in base64 nor in quoted-printable (RFC 2045 §6.7).
constexpr std::string_view boundary = "=_fiona_=";

std::string addresses(const std::vector<Mailbox>& boxes)
{
    std::string list;
    for (const auto& box : boxes) {
        list += list.empty() ? "" : ",\r\n ";
        list += box.name.empty() ? box.address.str()
                                 : fmt::format("{} <{}>", header_phrase(box.name), box.address);
    }
    return list;
}

std::string message_id(const Mail& mail, const Mailbox& from)
{
    constexpr std::size_t digits = 32;
    const auto& address = from.address.str();
    const auto name =
        mail.id.empty() ? to_hex(random_bytes(digits / 2)) : sha256_hex(mail.id).substr(0, digits);
    return fmt::format("<{}@{}>", name, address.substr(address.rfind('@') + 1));
}

std::string file_name(std::string_view text)
{
    std::string name{text};
    std::ranges::replace_if(
        name, [](char c) { return c == '/' || c == '\\' || c == '"'; }, '_');
    return name;
}

std::string text_part(const Mail& mail)
{
    return "Content-Type: text/plain; charset=utf-8\r\n"
           "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
           + quoted_printable(mail.body);
}

std::string attached_part(const Attachment& attachment)
{
    return fmt::format("Content-Type: {}\r\nContent-Disposition: attachment{}\r\n"
                       "Content-Transfer-Encoding: base64\r\n\r\n{}",
                       one_line(attachment.media_type),
                       header_parameter("filename", file_name(attachment.name)),
                       base64_lines(attachment.content));
}

std::string content(const Mail& mail)
{
    if (mail.attachments.empty()) {
        return text_part(mail);
    }
    // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    auto parts = fmt::format("Content-Type: multipart/mixed; boundary=\"{}\"\r\n\r\n--{}\r\n{}",
                             boundary, boundary, text_part(mail));
    for (const auto& attachment : mail.attachments) {
        parts += fmt::format("\r\n--{}\r\n{}", boundary, attached_part(attachment));
    }
    return parts + fmt::format("\r\n--{}--\r\n", boundary);
}

} // namespace

Mailbox parse_mailbox(std::string_view text)
{
    text = trimmed(text);
    const auto open = text.rfind('<');
    if (!text.ends_with('>') || open == std::string_view::npos) {
        return {"", MailAddress{std::string{text}}};
    }
    auto name = trimmed(text.substr(0, open));
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) {
        name = name.substr(1, name.size() - 2);
    }
    return {std::string{name},
            MailAddress{std::string{text.substr(open + 1, text.size() - open - 2)}}};
}

std::string render(const Mail& mail, const Mailbox& from, TimePoint now)
{
    if (mail.to.empty() && mail.cc.empty()) {
        throw Error{Fault::usage, "a mail to nobody"};
    }
    const auto& sender = mail.from ? *mail.from : from;
    auto message =
        fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\n", fmt::gmtime(Clock::to_time_t(now)));
    const auto add = [&](std::string_view name, const std::string& value) {
        message += value.empty() ? "" : fmt::format("{}: {}\r\n", name, value);
    };
    add("From", addresses({sender}));
    add("To", addresses(mail.to));
    add("Cc", addresses(mail.cc));
    add("Subject", header_text(mail.subject));
    add("Message-ID", message_id(mail, sender));
    add("Auto-Submitted", "auto-generated"); // RFC 3834 §5: no automatic answers, please
    add("MIME-Version", "1.0");
    return message + content(mail);
}

} // namespace notify
} // namespace fiona
