// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/notify/mailer.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/authority.h"
#include "tests/support/site.h"
#include "tests/support/smtp_sink.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using notify::Mailer;
using Tls = SmtpSink::Options::Tls;

namespace {

notify::Mail hello(const std::string& to = "alice@example.org")
{
    notify::Mail mail;
    mail.to = {{"Alice Ås", MailAddress{to}}};
    mail.subject = "Blåbær (DEMO)";
    mail.body = "Hei,\n.\n..og så videre = 100 % \n";
    return mail;
}

Mailer::Delivery send(const SmtpConfig& config, const notify::Mail& mail = hello())
{
    return Mailer{config}.send(mail, Clock::now());
}

/// The fault and the text; fails if it does not throw.
Error refusal(const SmtpConfig& config, const notify::Mail& mail = hello())
{
    try {
        static_cast<void>(send(config, mail));
    } catch (const Error& e) {
        return e;
    }
    throw std::runtime_error{"the mail was sent"};
}

} // namespace

TEST_CASE("a mail arrives as it was meant, letters, dots and attachment included")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    auto mail = hello();
    mail.cc = {{"", MailAddress{"bob@example.org"}}};
    mail.attachments = {{"årsliste.csv", "text/csv; charset=utf-8", "a,ø\n1,2\n"}};

    CHECK(send(sink.config(), mail) == Mailer::Delivery::accepted);

    REQUIRE(sink.mails().size() == 1);
    const auto kept = sink.mails().front();
    CHECK(kept.find("recipients")->array() == json::Array{"alice@example.org", "bob@example.org"});
    CHECK(kept.find("headers")->text("Subject") == "Blåbær (DEMO)");
    CHECK(kept.find("names")->array() == json::Array{"Alice Ås"});
    CHECK(kept.text("text") == "Hei,\n.\n..og så videre = 100 % \n");
    const auto& attachment = kept.find("attachments")->array().at(0);
    CHECK(attachment.text("name") == "årsliste.csv");
    CHECK(attachment.text("content") == "a,ø\n1,2\n");
    CHECK(kept.find("longest_line")->integer() <= 78);
}

TEST_CASE("a mail goes over STARTTLS or TLS, with a password, to a server that is trusted")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const Authority authority;
    authority.sign("server");
    const auto tls = GENERATE(Tls::starttls, Tls::implicit);
    const SmtpSink sink{{.tls = tls,
                         .certificate = authority.certificate("server"),
                         .key = authority.key("server"),
                         .user = "fiona",
                         .password = "S3cret wørd"}};
    auto config = sink.config();
    config.tls = SmtpConfig::Tls::required;
    config.ca_file = authority.certificate("ca");
    config.user_file = authority.root / "login";
    store::write_file(*config.user_file, "user = fiona\npassword = S3cret wørd\n", 0600);

    CHECK_NOTHROW(Mailer{config}.check());
    CHECK(send(config) == Mailer::Delivery::accepted);
    CHECK(sink.mails().size() == 1);

    store::write_file(*config.user_file, "user = fiona\npassword = WRONGWORD\n", 0600);
    const auto denied = refusal(config);
    CHECK(denied.fault() == Fault::permission);
    CHECK_THAT(denied.what(), !Contains("WRONGWORD") && Contains("user_file"));
    CHECK_THROWS_AS(Mailer{config}.check(), Error);

    authority.self_signed("other");
    config.ca_file = authority.certificate("other");
    CHECK(refusal(config).fault() == Fault::config);
    CHECK(sink.mails().size() == 1);
}

TEST_CASE("no mail goes in clear where TLS is wanted and not offered")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    auto config = sink.config();
    config.tls = SmtpConfig::Tls::required;

    CHECK(refusal(config).fault() == Fault::config);
    CHECK(sink.mails().empty());
}

TEST_CASE("what a server answers decides who has to act, and nobody is named")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    struct Case {
        const char* behaviour;
        Fault fault;
        const char* part;
    };
    const auto [behaviour, fault, part] =
        GENERATE(values<Case>({{"refuse-recipient", Fault::protocol, "a recipient (550)"},
                               {"greylist", Fault::temporary, "a recipient later (451)"},
                               {"busy", Fault::temporary, "the mail later (451)"},
                               {"refuse-mail", Fault::protocol, "the mail (554)"}}));
    CAPTURE(behaviour);
    const SmtpSink sink;
    sink.behave(behaviour);

    const auto refused = refusal(sink.config());

    CHECK(refused.fault() == fault);
    CHECK_THAT(refused.what(), Contains(part) && !Contains("alice"));
    CHECK(sink.mails().empty());
}

TEST_CASE("one refused recipient of several: nobody gets the mail")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    auto mail = hello();
    mail.to.push_back({"", MailAddress{"nobody@example.org"}});

    CHECK(refusal(sink.config(), mail).fault() == Fault::protocol);
    CHECK(sink.mails().empty());
}

TEST_CASE("a server that hangs up after it has got the mail leaves it uncertain")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    sink.behave("vanish");

    CHECK(send(sink.config()) == Mailer::Delivery::uncertain);
    CHECK(sink.mails().size() == 1);
}

TEST_CASE("a server that is not there is unreachable, and a mail is not lost in it")
{
    SmtpConfig config;
    config.url = fmt::format("smtp://127.0.0.1:{}", free_port());
    config.from = "fiona@example.org";

    CHECK(refusal(config).fault() == Fault::unreachable);
    CHECK_THROWS_AS(Mailer{config}.check(), Error);
}

TEST_CASE("a configuration that can never send, or would show a password, is refused")
{
    const TempDir root;
    store::write_file(root / "login", "user = fiona\npassword = Pa55phrase\n", 0600);
    store::write_file(root / "open", "user = fiona\npassword = Pa55phrase\n", 0644);
    store::write_file(root / "half", "user = fiona\n", 0600);
    SmtpConfig good;
    good.url = "smtp://mail.example.org:587";
    good.from = "fiona@example.org";
    good.user_file = root / "login";
    REQUIRE_NOTHROW(Mailer{good});

    const auto is_refused = [&](const auto& spoil) {
        auto config = good;
        spoil(config);
        try {
            const Mailer mailer{config};
            return false;
        } catch (const Error& e) {
            CHECK_THAT(e.what(), !Contains("Pa55") && !Contains("PASS"));
            return e.fault() == Fault::config;
        }
    };

    CHECK(is_refused([](SmtpConfig& c) { c.url = ""; }));
    CHECK(is_refused([](SmtpConfig& c) { c.url = "http://mail.example.org"; }));
    CHECK(is_refused([](SmtpConfig& c) { c.url = "smtp://me:PASS@mail.example.org"; }));
    CHECK(is_refused([](SmtpConfig& c) { c.from = "nobody"; }));
    CHECK(is_refused([](SmtpConfig& c) { c.tls = SmtpConfig::Tls::none; }));
    CHECK(is_refused([&](SmtpConfig& c) { c.user_file = root / "open"; }));
    CHECK(is_refused([&](SmtpConfig& c) { c.user_file = root / "half"; }));
}
