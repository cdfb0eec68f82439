// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/classify/rules.h"
#include "libfiona/ingest/attempts.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/spool.h"
#include "libfiona/store/study_tree.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona::ingest {

/// Turns spool entries into links, series JSON and arrival marks.
///
/// Entries are taken in order of arrival, up to four thousand at a time, and those of one series
/// together: its JSON is read and written once, under the study's lock. An entry is unlinked last,
/// when everything it stands for is on the disk: the directory of the links is synced once a batch,
/// the JSON when it is written. Every step before can be repeated, and reconcile() finds a link that
/// was lost all the same.
///
/// NumFiles is counted in the directory, once a batch, never kept from before: other tools remove
/// links, and a directory's mtime is too coarse to notice. A series of n images therefore costs n
/// plus one listing a batch; when images come faster than batches, the batches grow.
class Processor {
public:
    Processor(const Config& config, classify::Rules rules);

    void use(classify::Rules rules) { m_rules = std::move(rules); }

    /// Sets aside what the processes before us died of. Once, with the lock on the spool held.
    void take_over();
    [[nodiscard]] Attempts& attempts() { return m_attempts; }

    struct Drained {
        std::size_t processed = 0;
        std::size_t given_up = 0; ///< moved to failed/ with the reason
        std::size_t postponed = 0;
    };
    /// Works through all that waits and is due. `stop` is asked before each file; what is done by
    /// then is finished.
    Drained drain(TimePoint now, const std::function<bool()>& stop);
    /// When the next postponed entry is due.
    [[nodiscard]] std::optional<TimePoint> next_due() const;

    [[nodiscard]] const store::Spool& spool() const { return m_spool; }

private:
    struct Item {
        std::string name;
        store::SpoolEntry entry;
    };
    struct Retry {
        unsigned attempts = 0;
        TimePoint due;
    };
    struct Series;

    [[nodiscard]] std::vector<std::string> due_names(TimePoint now);
    [[nodiscard]] std::vector<std::vector<Item>> series_of(const std::vector<std::string>& names);
    [[nodiscard]] std::vector<Item> sort(std::vector<Item> items,
                                         const std::function<bool()>& stop);
    void sort_one(const Item& item, std::optional<Series>& series);
    void finish(const std::vector<Item>& items);
    /// Runs `work`; a fault of it sets the entry aside or postpones it. True if there was none.
    bool guarded(const std::string& name, TimePoint received, const std::function<void()>& work);
    void put_off(const std::string& name, std::string_view reason);
    void give_up(const std::string& name, std::string_view reason);

    store::StudyTree m_tree;
    store::Spool m_spool;
    store::ArrivalMarks m_marks;
    Attempts m_attempts;
    classify::Rules m_rules;
    std::map<std::string, Retry> m_retries;
    TimePoint m_now;
    Drained m_drained;
};

} // namespace fiona::ingest
