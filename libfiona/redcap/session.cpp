// SPDX-License-Identifier: MIT
#include "libfiona/redcap/session.h"

#include <optional>
#include <utility>

namespace fiona::redcap {

Session::Session(const RedcapConfig& config, Private<std::string> token)
    : m_transport{config}, m_deadline{config.deadline}, m_token{std::move(token)}
{
}

Form Session::request(std::string_view content) const
{
    Form form;
    form.set("token", m_token.reveal()).set("content", content);
    form.set("format", "json").set("returnFormat", "json");
    return form;
}

Error Session::too_large()
{
    return Error{Fault::temporary, "REDCap ran out of memory even for a single record"};
}

void Session::ask(const Form& form, Retry::Tries tries, const Parse& parse)
{
    if (call(form, tries, parse) == Verdict::too_large) {
        throw too_large();
    }
}

Verdict Session::call(const Form& form, Retry::Tries tries, const Parse& parse)
{
    Retry retry{m_deadline, tries};
    const auto connection =
        tries == Retry::Tries::once ? Transport::Connection::fresh : Transport::Connection::kept;
    for (;;) {
        std::optional<std::chrono::seconds> retry_after;
        try {
            ++m_traffic.calls;
            m_traffic.bytes_sent += form.body().size();
            auto answer = m_transport.post(form.body(), retry.time_left(), connection);
            m_traffic.bytes_received += answer.body.size();
            retry_after = answer.retry_after;
            const auto verdict = check_answer(answer, m_token);
            if (verdict == Verdict::good) {
                parse(answer.body);
            }
            return verdict;
        } catch (const Error& e) {
            if (!retry.wait(e, retry_after)) {
                throw Error{e.fault(), "{}{}", e.what(),
                            retry.tries() > 1 ? fmt::format(" (after {} tries)", retry.tries())
                                              : std::string{}};
            }
        }
    }
}

} // namespace fiona::redcap
