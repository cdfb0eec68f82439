// SPDX-License-Identifier: MIT
#include "libfiona/ingest/processor.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/workers.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/ingest/announcement.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <set>

namespace fiona::ingest {

namespace {

constexpr std::size_t batch_size = 4000; // of a kilobyte each in memory
constexpr std::chrono::seconds patience_for_missing_file{60};
constexpr std::chrono::seconds longest_delay{300};
constexpr std::size_t opened_ahead = 16;
constexpr unsigned most_surprises = 5; ///< exceptions that are no Error: a bug, or no memory

classify::Reception reception_of(const store::SpoolEntry& entry)
{
    return {entry.caller, entry.called, entry.host, entry.address, entry.received};
}

json::Array as_array(const std::vector<std::string>& texts)
{
    return {texts.begin(), texts.end()};
}

} // namespace

/// The JSON of the series in work, with its lock.
struct Processor::Series {
    Series(const store::StudyTree& tree, const store::SpoolEntry& entry)
        : update{tree, entry.study, entry.series}, links{tree, entry.study, entry.series},
          record{update.stored()}
    {
    }

    store::SeriesJsonUpdate update;
    store::SeriesLinks links;
    classify::SeriesRecord record;
    classify::LastProtocol protocol{};  ///< of the image before
    std::set<std::string> participants; ///< already linked in this batch
};

Processor::Processor(const Config& config, classify::Rules rules)
    : m_tree{config.paths}, m_spool{config.paths.spool()}, m_marks{config.paths.arrived()},
      m_attempts{config.paths}, m_rules{std::move(rules)}
{
}

void Processor::take_over()
{
    m_attempts.take_over();
    for (const auto& name : m_attempts.deadly()) {
        if (name.find('/') == std::string::npos) { // else an archive file: reconcile() knows it
            m_drained = {};
            give_up(name, fmt::format("{} processes died while they read its file",
                                      Attempts::most_deaths));
            m_attempts.forget(name);
        }
    }
}

std::optional<TimePoint> Processor::next_due() const
{
    std::optional<TimePoint> next;
    for (const auto& [name, retry] : m_retries) {
        next = std::min(next.value_or(retry.due), retry.due);
    }
    return next;
}

std::vector<std::string> Processor::due_names(TimePoint now)
{
    auto names = m_spool.waiting();
    std::erase_if(m_retries, [&](const auto& retry) {
        return !std::ranges::binary_search(names, retry.first);
    });
    std::erase_if(names, [&](const std::string& name) {
        const auto retry = m_retries.find(name);
        return retry != m_retries.end() && is_awaited(retry->second.due, now, longest_delay);
    });
    return names;
}

Processor::Drained Processor::drain(TimePoint now, const std::function<bool()>& stop)
{
    m_now = now;
    m_drained = {};
    auto names = due_names(now);
    // What a process may have died of comes last, and alone.
    const auto first_suspect =
        std::stable_partition(names.begin(), names.end(), [&](const std::string& name) {
            return !m_attempts.is_suspect(name);
        });
    const auto others = static_cast<std::size_t>(first_suspect - names.begin());
    for (std::size_t first = 0, last = 0; first < names.size() && !stop(); first = last) {
        last = first < others ? std::min(others, first + batch_size) : first + 1;
        for (auto& items : series_of({names.begin() + static_cast<std::ptrdiff_t>(first),
                                      names.begin() + static_cast<std::ptrdiff_t>(last)})) {
            if (stop()) {
                break;
            }
            finish(sort(std::move(items), stop));
        }
    }
    return m_drained;
}

std::vector<std::vector<Processor::Item>>
Processor::series_of(const std::vector<std::string>& names)
{
    std::vector<std::optional<store::SpoolEntry>> entries(names.size());
    for_each_index(
        names.size(), hands_for(names.size(), reading_hands()), [&](std::size_t i, std::size_t) {
            try {
                entries[i] = m_spool.read(names[i]);
            } catch (const std::exception&) { // NOLINT(bugprone-empty-catch) said below, in order
            }
        });
    std::vector<std::vector<Item>> groups;
    std::map<std::pair<StudyUid, SeriesUid>, std::size_t> positions;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& name = names[i];
        guarded(name, m_now, [&] {
            auto entry = entries[i] ? std::move(*entries[i]) : m_spool.read(name);
            const auto [found, is_new] =
                positions.try_emplace({entry.study, entry.series}, groups.size());
            if (is_new) {
                groups.emplace_back();
            }
            groups[found->second].push_back({name, std::move(entry)});
        });
    }
    return groups;
}

std::vector<Processor::Item> Processor::sort(std::vector<Item> items,
                                             const std::function<bool()>& stop)
{
    std::optional<Series> series;
    std::vector<Item> sorted;
    for (std::size_t i = 0; i < items.size() && !stop(); ++i) {
        open_soon(items, i);
        auto& item = items[i];
        const auto work = [&] {
            m_attempts.begin(item.name);
            sort_one(item, series);
        };
        if (guarded(item.name, item.entry.received, work)) {
            sorted.push_back(std::move(item));
        }
    }
    m_attempts.end();
    if (!series || sorted.empty()) {
        return {};
    }
    const auto& entry = sorted.front().entry;
    const auto write = [&] {
        series->links.sync();
        const auto files = series->links.count();
        series->record.count(files);
        if (series->update.replace(series->record.fields())) {
            log::info("series_updated", {{"study", entry.study},
                                         {"series", entry.series},
                                         {"images", sorted.size()},
                                         {"files", files}});
        }
    };
    // The fault of the shared step is the fault of each: they wait together and are repeated.
    const bool is_written = guarded(sorted.front().name, m_now, write);
    if (!is_written) {
        for (std::size_t i = 1; i < sorted.size(); ++i) {
            put_off(sorted[i].name, "the series JSON could not be written");
        }
        return {};
    }
    return sorted;
}

void Processor::open_soon(std::vector<Item>& items, std::size_t next)
{
    const auto first = next == 0 ? 0 : next + opened_ahead - 1;
    for (auto i = first; i < std::min(items.size(), next + opened_ahead); ++i) {
        try {
            items[i].file = open_announced(items[i].entry);
        } catch (const Error&) { // NOLINT(bugprone-empty-catch) it is said when its turn has come
        }
    }
}

void Processor::sort_one(Item& item, std::optional<Series>& series)
{
    const auto& entry = item.entry;
    const auto header =
        read_announced(entry, item.file ? std::move(item.file) : open_announced(entry));
    if (!series) {
        series.emplace(m_tree, entry);
    }
    const bool is_new = series->links.link(entry.sop, entry.directory / entry.file);
    const auto patient = header.text({0x0010, 0x0020});
    const auto date = header.text({0x0008, 0x0020});
    const auto time = header.text({0x0008, 0x0030});
    if (series->participants.insert(patient + "\n" + date + "\n" + time).second) {
        m_tree.link_participant(Private{patient}, date, time, entry.study);
    }
    if (header.text({0x0008, 0x0060}) == "SR") {
        m_tree.link_structured_report(header.text({0x0008, 0x0070}), entry.study, entry.series,
                                      entry.sop);
    }
    auto& record = series->record;
    record.add(classify::series_fields(header, reception_of(entry), series->protocol),
               is_new ? classify::Arrival::first : classify::Arrival::again);
    const auto found = m_rules.evaluate(header, record.fields());
    record.set("ClassifyType", as_array(found.types));
    if (!found.vetoes.empty()) {
        record.set("ClassifyVeto", as_array(found.vetoes));
    }
    if (header.guessed_texts() > 0) {
        log::debug("text_guessed", {{"study", entry.study}, {"values", header.guessed_texts()}});
    }
}

void Processor::finish(const std::vector<Item>& items)
{
    std::set<std::string> touched;
    std::vector<const Item*> marked;
    for (const auto& item : items) {
        const auto mark_arrival = [&] {
            store::ArrivalMark mark{item.entry.caller, item.entry.called, item.entry.host,
                                    item.entry.study, item.entry.series};
            if (touched.insert(mark.file_name()).second) {
                m_marks.touch(mark);
                // The study's too. The receiver's may be gone: lost with the power, or handled while
                // this entry was put off for hours or stood in failed/.
                mark.series.reset();
                m_marks.touch(mark);
            }
        };
        if (guarded(item.name, m_now, mark_arrival)) {
            marked.push_back(&item);
        }
    }
    std::vector<std::exception_ptr> problems(marked.size());
    for_each_index(marked.size(), hands_for(marked.size(), removing_hands),
                   [&](std::size_t i, std::size_t) {
                       try {
                           m_spool.remove(marked[i]->name);
                       } catch (...) { // judged below, one after the other
                           problems[i] = std::current_exception();
                       }
                   });
    for (std::size_t i = 0; i < marked.size(); ++i) {
        guarded(marked[i]->name, m_now, [&] {
            if (problems[i]) {
                std::rethrow_exception(problems[i]);
            }
            m_retries.erase(marked[i]->name);
            ++m_drained.processed;
        });
    }
}

bool Processor::guarded(const std::string& name, TimePoint received,
                        const std::function<void()>& work)
{
    const auto judge = [&](const Error& e) {
        const bool is_gone =
            e.fault() == Fault::missing && m_now - received >= patience_for_missing_file;
        if (e.fault() == Fault::data || is_gone) {
            give_up(name, e.what());
        } else {
            put_off(name, e.what());
        }
    };
    try {
        work();
        return true;
    } catch (const Error& e) {
        judge(e);
    } catch (const std::filesystem::filesystem_error& e) {
        judge(disk_error(e));
    } catch (const std::exception& e) {
        if (m_retries[name].attempts >= most_surprises) {
            give_up(name, e.what());
        } else {
            put_off(name, e.what());
        }
    }
    return false;
}

void Processor::put_off(const std::string& name, std::string_view reason)
{
    auto& retry = m_retries[name];
    const auto delay =
        std::min(longest_delay, std::chrono::seconds{1U << std::min(retry.attempts, 9U)});
    ++retry.attempts;
    retry.due = m_now + delay;
    ++m_drained.postponed;
    log::warn("entry_postponed", {{"entry", name},
                                  {"attempts", retry.attempts},
                                  {"seconds", delay.count()},
                                  {"reason", reason}});
}

void Processor::give_up(const std::string& name, std::string_view reason)
{
    log::error("entry_given_up", {{"entry", name}, {"reason", reason}});
    ++m_drained.given_up;
    try {
        m_spool.give_up(name, reason);
        m_retries.erase(name);
    } catch (const Error& e) {
        put_off(name, e.what());
    }
}

} // namespace fiona::ingest
