// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/store/arrival_marks.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a site does with arrived studies and series besides listing them: the Streams of the
/// Workflows application (fiona-files(5), "Streams").
namespace fiona::ingest {

struct Action {
    enum class Kind {
        program, ///< `"type": "exec"`
        job,     ///< a line for fiona-run-one-job(1)
        skipped, ///< of a type we do not know
    } kind = Kind::program;
    std::vector<std::string> command; ///< of a program: arguments with place-holders
    std::chrono::seconds time_limit{600};
    enum class OnError { stop, go_on } on_error = OnError::stop;
    json::Object job; ///< of a job: texts with place-holders
};

struct Stream {
    std::string name;
    std::filesystem::path log;
    json::Array destination;
    /// Whether both AE titles match; a pattern that is absent matches all.
    std::function<bool(const store::ArrivalMark&)> matches;
    std::vector<Action> study_actions;
    std::vector<Action> series_actions;
    std::string version; ///< differs when the actions were changed

    [[nodiscard]] const std::vector<Action>& actions_for(const store::ArrivalMark& mark) const
    {
        return mark.series ? series_actions : study_actions;
    }
};

struct Streams {
    std::vector<Stream> all;
    /// Names of streams with a mistake: they fire nothing, and what they have begun waits.
    std::set<std::string> disabled;

    [[nodiscard]] const Stream* find(std::string_view name) const;
};

/// The streams of the file. One with a mistake is disabled and logged with its name and the key; a
/// file that is not there has none. Throws Error{Fault::config} for one that is no JSON object.
[[nodiscard]] Streams load_streams(const Config& config);

/// `text` with its place-holders replaced, each once: what is put in is not looked at again.
[[nodiscard]] std::string expanded(std::string_view text, const Config& config,
                                   const Stream& stream, const store::ArrivalMark& mark);

} // namespace fiona::ingest
