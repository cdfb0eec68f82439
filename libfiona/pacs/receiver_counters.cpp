// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_counters.h"

#include "libfiona/base/error.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <numeric>

namespace fiona::pacs {

namespace {

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free, "a lock would die with its process");

constexpr auto number_of_counts =
    static_cast<std::size_t>(ReceiverCounters::Count::number_of_counts);
constexpr auto number_of_refusals =
    static_cast<std::size_t>(ReceiverCounters::Refused::number_of_reasons);
constexpr std::array<std::string_view, number_of_refusals> refusal_names{
    "too_many", "no_room", "switched_off", "address", "caller", "contexts", "no_request", "tls"};
// receiver_intake.cpp; the last one for what it may learn to say.
constexpr std::array<std::string_view, 8> reasons{
    "no_room",  "illegal_command_uid", "other_class", "missing_uid",
    "mismatch", "illegal_uid",         "unparsable",  "other"};

std::uint64_t sum(const auto& counters)
{
    return std::accumulate(counters.begin(), counters.end(), std::uint64_t{0},
                           [](std::uint64_t total, const Counter& one) { return total + one; });
}

json::Object named(const auto& names, const auto& counters)
{
    json::Object result;
    for (std::size_t i = 0; i < names.size(); ++i) {
        result.emplace(names.at(i), counters.at(i).load());
    }
    return result;
}

} // namespace

struct ReceiverCounters::Shared {
    std::array<Counter, number_of_counts> counts{};
    std::array<Counter, reasons.size()> refused{};
    std::array<Counter, number_of_refusals> turned_away{};
};

void ReceiverCounters::Unmap::operator()(Shared* shared) const
{
    ::munmap(shared, sizeof(Shared));
}

ReceiverCounters::ReceiverCounters()
{
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw os_error(errno, "share memory for counters");
    }
    m_shared.reset(std::construct_at(static_cast<Shared*>(memory)));
}

void ReceiverCounters::add(Count what, std::uint64_t by) const
{
    m_shared->counts.at(static_cast<std::size_t>(what)) += by;
}

std::uint64_t ReceiverCounters::get(Count what) const
{
    return m_shared->counts.at(static_cast<std::size_t>(what));
}

void ReceiverCounters::refuse_object(std::string_view reason) const
{
    const auto* const found = std::find(reasons.begin(), reasons.end() - 1, reason);
    ++m_shared->refused.at(static_cast<std::size_t>(found - reasons.begin()));
}

void ReceiverCounters::refuse_association(Refused reason) const
{
    ++m_shared->turned_away.at(static_cast<std::size_t>(reason));
}

std::uint64_t ReceiverCounters::refused_objects() const
{
    return sum(m_shared->refused);
}

std::uint64_t ReceiverCounters::refused_associations() const
{
    return sum(m_shared->turned_away);
}

std::uint64_t ReceiverCounters::sum_of_all() const
{
    return sum(m_shared->counts) + sum(m_shared->refused) + sum(m_shared->turned_away);
}

json::Object ReceiverCounters::as_json() const
{
    return {{"objects", get(Count::objects)},
            {"bytes", get(Count::bytes)},
            {"duplicates", get(Count::duplicates)},
            {"replaced", get(Count::replaced)},
            {"refused_objects", refused_objects()},
            {"refused", named(reasons, m_shared->refused)},
            {"turned_away", refused_associations()},
            {"refused_associations", named(refusal_names, m_shared->turned_away)},
            {"commitments", json::Object{{"requested", get(Count::commitments_requested)},
                                         {"reported", get(Count::commitments_reported)},
                                         {"given_up", get(Count::commitments_given_up)}}}};
}

} // namespace fiona::pacs
