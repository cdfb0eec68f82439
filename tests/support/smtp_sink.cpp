// SPDX-License-Identifier: MIT
#include "tests/support/smtp_sink.h"

#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"

#include <stdexcept>

using namespace fiona; // NOLINT(google-build-using-namespace) a test helper

namespace {

/// The one that Debian's packages are for.
constexpr const char* python = "/usr/bin/python3";

} // namespace

bool SmtpSink::is_here()
{
    if (run({{python, "-c", "import aiosmtpd"}}).exit_code == 0) {
        return true;
    }
    skip("the package python3-aiosmtpd is not installed");
    return false;
}

SmtpSink::SmtpSink(const Options& options) : m_is_implicit{options.tls == Options::Tls::implicit}
{
    std::vector<std::string> words{python, FIONA_SOURCE_DIR "/tests/support/smtp_sink.py",
                                   m_directory.path.native()};
    const auto add = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) {
            words.insert(words.end(), {name, value});
        }
    };
    add("--certificate", options.certificate);
    add("--key", options.key);
    add("--user", options.user);
    add("--password", options.password);
    if (m_is_implicit) {
        words.emplace_back("--implicit");
    }
    m_process.emplace(words, m_directory / "process");
    std::optional<std::string> port;
    if (!wait_until([&] { return (port = read_file_if_any(m_directory / "port")).has_value(); })) {
        throw std::runtime_error{"the mail server does not start: " + m_process->err()};
    }
    m_port = static_cast<std::uint16_t>(std::stoul(*port));
}

void SmtpSink::behave(const std::string& behaviour) const
{
    store::write_file(m_directory / "behaviour", behaviour);
}

std::vector<json::Value> SmtpSink::mails() const
{
    std::vector<json::Value> found;
    for (unsigned number = 1;; ++number) {
        const auto text = read_file_if_any(m_directory.path / fmt::format("{}.json", number));
        if (!text) {
            return found;
        }
        found.push_back(json::parse(*text, "a kept mail"));
    }
}

SmtpConfig SmtpSink::config() const
{
    SmtpConfig config;
    config.url = fmt::format("{}://127.0.0.1:{}", m_is_implicit ? "smtps" : "smtp", m_port);
    config.from = "fiona <fiona@site.example.org>";
    config.timeout = std::chrono::seconds{20};
    return config;
}
