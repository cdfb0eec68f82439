// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/process.h"
#include "libfiona/ingest/arrival_progress.h"
#include "libfiona/ingest/streams.h"
#include "libfiona/store/arrival_marks.h"

#include <poll.h>

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace fiona::ingest {

/// Runs the action lists of claimed marks: several studies at once, one program of a study at a time.
/// After each action the progress is stored, so a killed process repeats at most the action it was at;
/// the program it left behind is ended first.
class ArrivalActions {
public:
    struct Limits {
        std::size_t programs = 4;       ///< at once
        std::size_t log_bytes = 16'384; ///< of each output stream of a program, in the log
    };
    ArrivalActions(const Config& config, const store::ArrivalMarks& marks,
                   const ProgressFiles& progress, Limits limits);

    /// Takes over a claimed mark whose `progress.streams` are known.
    void add(std::string name, store::ArrivalMark mark, ArrivalProgress progress,
             std::shared_ptr<const Streams> streams);
    /// Whether there is something to do now: an action, or only to see that all is done.
    [[nodiscard]] static bool is_due(const ArrivalProgress& progress, const Streams& streams,
                                     TimePoint now);
    /// Whether the mark is here: it must not be claimed again meanwhile.
    [[nodiscard]] bool holds(const std::string& name) const;
    [[nodiscard]] bool is_empty() const { return m_queue.empty() && m_running.empty(); }

    /// Notes what has ended and starts what may start. Never waits.
    void advance(TimePoint now);
    /// Until something ends or is due to be ended, at most `longest`; `more` is polled for as well.
    void wait(std::chrono::milliseconds longest, int more = -1) const;
    /// Ends the programs that run; they are run again by the next process.
    void stop();

    struct Counts {
        std::size_t actions = 0; ///< that ended well
        std::size_t errors = 0;  ///< that did not
        std::size_t failed = 0;  ///< marks given up
    };
    [[nodiscard]] const Counts& counts() const { return m_counts; }

private:
    struct Work {
        std::string name;
        store::ArrivalMark mark;
        ArrivalProgress progress;
        std::shared_ptr<const Streams> streams;
        std::string stream; ///< whose program runs
        std::unique_ptr<RunningProgram> program;
        std::chrono::steady_clock::time_point started;
    };

    /// One action of one stream for one mark, now.
    struct Step {
        Work& work;
        const Stream& stream;
        StreamProgress& progress;
        const Action& action;
        TimePoint now;
    };

    void fill(TimePoint now);
    bool start_next(Work& work, TimePoint now);
    bool start_next_of(Work& work, const Stream& stream, StreamProgress& progress, TimePoint now);
    void start_program(const Step& step);
    void append_job(const Step& step);
    void note_end(Work& work, TimePoint now);
    void succeed(StreamProgress& progress);
    void fail(const Step& step, std::string_view reason);
    void write_log(const Step& step, const Finished& finished) const;
    void settle(const Work& work);

    const Config& m_config;
    const store::ArrivalMarks& m_marks;
    const ProgressFiles& m_progress;
    Limits m_limits;
    std::deque<Work> m_queue;
    std::list<Work> m_running;
    Counts m_counts;
};

} // namespace fiona::ingest
