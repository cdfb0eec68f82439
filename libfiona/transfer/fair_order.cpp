// SPDX-License-Identifier: MIT
#include "libfiona/transfer/fair_order.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/requests.h"

#include <algorithm>
#include <map>
#include <utility>

namespace fiona::transfer {

namespace {

std::string project_of(const Paths& paths, const std::string& name)
{
    try {
        return store::TransferRequest::parse(read_file(paths.requests() / name), name)
            .project.str();
    } catch (const Error&) {
        return {}; // whoever works on it says what is wrong
    }
}

} // namespace

std::vector<std::string> fair_order(const Paths& paths, std::vector<std::string> oldest_first)
{
    std::map<std::string, std::size_t> waiting; // by project
    std::vector<std::pair<std::size_t, std::string>> turns;
    turns.reserve(oldest_first.size());
    for (auto& name : oldest_first) {
        const auto turn = waiting[project_of(paths, name)]++;
        turns.emplace_back(turn, std::move(name));
    }
    std::ranges::stable_sort(turns, {}, &std::pair<std::size_t, std::string>::first);
    std::vector<std::string> names;
    names.reserve(turns.size());
    for (auto& [turn, name] : turns) {
        names.push_back(std::move(name));
    }
    return names;
}

} // namespace fiona::transfer
