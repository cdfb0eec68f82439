// SPDX-License-Identifier: MIT
#include "libfiona/ingest/attempts.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

/// One write(2) of one size: a reader sees this attempt or the last one, never half of each.
using Record = std::array<char, 512>;

void write_record(const UniqueFd& file, std::string_view what)
{
    Record record{};
    std::ranges::copy(what.substr(0, record.size() - 1), record.begin());
    if (::pwrite(file.get(), record.data(), record.size(), 0)
        != static_cast<ssize_t>(record.size())) {
        throw os_error(errno, "note which file is read");
    }
}

} // namespace

Attempts::Attempts(const Paths& paths) : m_directory{paths.spool()}, m_archive{paths.archive()} {}

void Attempts::take_over()
{
    make_directories(m_directory);
    m_current = UniqueFd{
        ::open((m_directory / "attempt").c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640)};
    Record record{};
    if (!m_current || ::pread(m_current.get(), record.data(), record.size(), 0) < 0) {
        throw os_error(errno, "see which file was read last");
    }
    record.back() = '\0';
    const std::string last{record.data()};
    try {
        const auto text = read_file_if_any(m_directory / "deaths.json").value_or("{}");
        const auto document = json::parse(text, "deaths.json");
        for (const auto& [what, count] : document.object()) {
            m_deaths[what] =
                static_cast<unsigned>(std::clamp<std::int64_t>(count.integer(), 0, 99));
        }
    } catch (const Error& e) { // then they are counted again
        log::warn("deaths_unreadable", {{"reason", e.what()}});
        m_deaths.clear();
    }
    if (!last.empty()) {
        ++m_deaths[last];
    }
    std::erase_if(m_deaths, [&](const auto& item) { // what was read well since, or is gone
        std::error_code problem;
        return !fs::exists(m_directory / "new" / item.first, problem)
               && !fs::exists(m_archive / item.first, problem);
    });
    if (m_deaths.contains(last)) {
        log::error("reader_died", {{"times", m_deaths.at(last)}});
    }
    if (!last.empty()) {
        write_deaths(); // before the record is cleared: counted twice is better than never
        write_record(m_current, "");
    }
}

void Attempts::begin(std::string_view what)
{
    if (m_current) {
        write_record(m_current, what);
    }
}

void Attempts::end()
{
    begin("");
}

bool Attempts::is_deadly(const std::string& what) const
{
    const auto found = m_deaths.find(what);
    return found != m_deaths.end() && found->second >= most_deaths;
}

std::vector<std::string> Attempts::deadly() const
{
    std::vector<std::string> found;
    for (const auto& [what, count] : m_deaths) {
        if (count >= most_deaths) {
            found.push_back(what);
        }
    }
    return found;
}

void Attempts::forget(const std::string& what)
{
    if (m_deaths.erase(what) > 0) {
        write_deaths();
    }
}

void Attempts::write_deaths() const
{
    json::Object counts;
    for (const auto& [what, count] : m_deaths) {
        counts[what] = count;
    }
    store::write_file(m_directory / "deaths.json", json::write(counts) + "\n");
}

} // namespace fiona::ingest
