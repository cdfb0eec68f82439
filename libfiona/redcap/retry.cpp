// SPDX-License-Identifier: MIT
#include "libfiona/redcap/retry.h"

#include "libfiona/base/log.h"

#include <algorithm>
#include <thread>

namespace fiona::redcap {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr unsigned max_tries = 5;
constexpr milliseconds base_delay{500};
constexpr milliseconds max_delay{30'000};

} // namespace

Retry::Retry(milliseconds deadline, Tries tries)
    : m_deadline{steady_clock::now() + deadline},
      m_max_tries{tries == Tries::once ? 1U : max_tries}, m_random{std::random_device{}()}
{
}

milliseconds Retry::time_left() const
{
    return std::max(milliseconds{0},
                    std::chrono::ceil<milliseconds>(m_deadline - steady_clock::now()));
}

bool Retry::wait(const Error& problem, const std::optional<std::chrono::seconds>& retry_after)
{
    ++m_done;
    const bool may_pass =
        problem.fault() == Fault::unreachable || problem.fault() == Fault::temporary;
    if (!may_pass || m_done >= m_max_tries) {
        return false;
    }
    const auto ceiling = std::min(max_delay, base_delay * (1U << (m_done - 1)));
    auto delay = milliseconds{
        std::uniform_int_distribution<milliseconds::rep>{0, ceiling.count()}(m_random)};
    if (retry_after) {
        delay += *retry_after;
    }
    if (delay >= time_left()) {
        return false;
    }
    log::debug("redcap_call_repeated",
               {{"try", m_done}, {"wait_ms", delay.count()}, {"reason", problem.what()}});
    std::this_thread::sleep_for(delay);
    return true;
}

} // namespace fiona::redcap
