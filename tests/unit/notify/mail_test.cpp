// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/notify/encoding.h"
#include "libfiona/notify/mail.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const notify::Mailbox sender{"", MailAddress{"fiona@site.example.org"}};

notify::Mail mail_about(std::string subject)
{
    notify::Mail mail;
    mail.to = {{"", MailAddress{"alice@example.org"}}};
    mail.subject = std::move(subject);
    mail.body = "text\n";
    return mail;
}

std::string rendered(const notify::Mail& mail)
{
    return notify::render(mail, sender, Clock::from_time_t(1'741'168'800));
}

} // namespace

TEST_CASE("a mail address that could mean more than an address is refused, and not repeated")
{
    const auto* const text = GENERATE(
        "", "alice", "@example.org", "alice@", "a b@example.org", "<a@example.org>",
        "a@example.org\nBcc: b@example.org", "a@example.org\r", "a@exa mple.org", "a,b@example.org",
        "a@b@example.org", ".a@example.org", "a@example..org", "a@-example.org", "-a@example.org",
        "bjørn@example.org", "a@[127.0.0.1]", "\"a b\"@example.org");
    CAPTURE(text);

    CHECK_THROWS_WITH(MailAddress{text}, !Contains("example"));
    CHECK_NOTHROW(MailAddress{"o'neil+tag_1@sub.site-2.example.org"});
}

TEST_CASE("a mailbox is an address, or a name with the address in brackets")
{
    CHECK(notify::parse_mailbox(" a@example.org ").address.str() == "a@example.org");
    const auto box = notify::parse_mailbox("\"FIONA, research\" <a@example.org>");
    CHECK(box.name == "FIONA, research");
    CHECK(box.address.str() == "a@example.org");
    CHECK_THROWS_AS(notify::parse_mailbox("a@example.org, b@example.org"), Error);
}

TEST_CASE("no line break in a subject, a name or a file name adds a header")
{
    auto mail = mail_about("hello\r\nBcc: eve@example.org\r\n\r\nmore");
    mail.to.front().name = "Al\"ice\nBcc: eve@example.org";
    mail.attachments = {{"a\r\nBcc: eve@example.org", "text/plain\r\nBcc: eve@example.org", "x"}};

    const auto text = rendered(mail);

    CHECK_THAT(text, Contains("Subject: hello  Bcc: eve@example.org    more\r\n"));
    CHECK_THAT(text, Contains(R"("Al\"ice Bcc: eve@example.org" <alice@example.org>)"));
    CHECK_THAT(text, !Contains("\nBcc"));
}

TEST_CASE("letters outside ASCII travel as encoded words of whole characters")
{
    std::string subject;
    for (int i = 0; i < 60; ++i) {
        subject += "æøå"; // more than one word can hold
    }

    const auto value = notify::header_text(subject);

    for (const auto word : split(value, '\n')) {
        CHECK(trimmed(word).size() <= 75);
        CHECK_THAT(std::string{trimmed(word)}, StartsWith("=?UTF-8?B?"));
    }
    CHECK(notify::header_text("plain (DEMO)") == "plain (DEMO)");
    CHECK_THAT(notify::header_text("=?UTF-8?Q?looks_encoded?="), StartsWith("=?UTF-8?B?"));
    CHECK(notify::header_text("\xff\xfe caf\xe9") == "?? caf?");
}

TEST_CASE("a body of any bytes becomes short lines of ASCII")
{
    CHECK(notify::quoted_printable("a\nb\r\nc") == "a\r\nb\r\nc\r\n");
    CHECK(notify::quoted_printable("1=2 \n") == "1=3D2=20\r\n");
    CHECK(notify::quoted_printable("ø") == "=C3=B8\r\n");
    CHECK(notify::quoted_printable("").empty());
    const auto long_line = notify::quoted_printable(std::string(500, 'x'));
    for (const auto line : split(long_line, '\n')) {
        CHECK(line.size() <= 77); // with the carriage return
    }
    CHECK(notify::base64_lines(std::string(57, '\0')) == std::string(76, 'A') + "\r\n");
    CHECK(notify::base64_lines("ab") == "YWI=\r\n");
}

TEST_CASE("a message has what RFC 5322 wants, and equal ids make equal Message-IDs")
{
    auto mail = mail_about("hello");

    const auto text = rendered(mail);
    CHECK_THAT(text, StartsWith("Date: Wed, 05 Mar 2025 10:00:00 +0000\r\n"
                                "From: fiona@site.example.org\r\nTo: alice@example.org\r\n"));
    CHECK_THAT(text, Contains("Auto-Submitted: auto-generated\r\n"));
    CHECK(rendered(mail) != text); // a random id
    mail.id = "link 17";
    CHECK(rendered(mail) == rendered(mail));
    mail.to.clear();
    CHECK_THROWS_AS(rendered(mail), Error);
}
