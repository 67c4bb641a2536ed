; Systems since 2012, in the syntax of p0f, version 3.
;
; Written for Spamtrail from what the systems' makers document, from the source of those that publish it, and from SYNs
; that were seen. What pf.os tells as well is left to it. Where a shape is shared by several systems, the label names all
; of them. A label is short, since it stands in tables: `Windows` is printed as `Win`, and name and flavour are joined by
; a dash.

classes = win,unix

[tcp:request]

; -------------------------------------------------------------------------------------------------------------------
; Programs that make packets of their own. They come first: nothing else has these shapes. None of them completes a
; connection, but other instruments than a listening socket see them.
; -------------------------------------------------------------------------------------------------------------------

; nmap draws the time to live below 64 and takes a window of 1 to 4 KiB.
label = s:!:nmap:SYN scan
sys   = @unix,@win
sig   = 4:64-:0:1460:1024,0:mss::0
sig   = 4:64-:0:1460:2048,*:mss::0
sig   = 4:64-:0:1460:3072,*:mss::0
sig   = 4:64-:0:1460:4096,*:mss::0

; masscan sends 255, a window of 1024, and an MSS in its newer versions.
label = s:!:masscan:
sys   = @unix,@win
sig   = 4:255-:0:0:1024,0:::0
sig   = 4:255-:0:1460:1024,0:mss::0

; zmap sends 255, a window of 65535, identification 54321, and an MSS in its newer versions.
label = s:!:zmap:
sys   = @unix
sig   = 4:255-:0:0:65535,0:::0
sig   = 4:255-:0:1460:65535,0:mss::0

; -------------------------------------------------------------------------------------------------------------------
; Linux: tcp_select_initial_window() gives 10 segments from 2.6.39 on, 20 from 3.11 on, and from 4.20 on as many as
; 65535 bytes hold: 44 of 1460, 45 of 1440 or 1452, 46 to 53 in tunnels, 7 of a jumbo frame, 1 on the loopback.
; The scale tells how much memory a socket may take (7 is 6 MiB).
; -------------------------------------------------------------------------------------------------------------------

label = s:unix:Linux:4.20+
sig   = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*44,8:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*44,9:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*44,10:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*45,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*46,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*47,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*48,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*50,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*52,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*53,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:8961:mss*7,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:8941:mss*7,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:65495:mss*1,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:65476:mss*1,*:mss,sok,ts,nop,ws:df,id+,flow:0
; Timestamps off.
sig   = *:64:0:*:mss*44,*:mss,nop,nop,sok,nop,ws:df,id+,flow:0

label = s:unix:Linux:3.11-4.19
sig   = *:64:0:*:mss*20,6:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*20,8:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*20,9:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:65495:43690,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:65476:43690,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*20,*:mss,nop,nop,sok,nop,ws:df,id+,flow:0
; IPv6 before automatic flow labels.
sig   = 6:64:0:*:mss*20,*:mss,sok,ts,nop,ws::0
sig   = 6:64:0:65476:43690,*:mss,sok,ts,nop,ws::0

; Telephones set the window themselves, to the largest.
label = s:unix:Android:
sig   = *:64:0:*:65535,6:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:65535,7:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:65535,8:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:65535,9:mss,sok,ts,nop,ws:df,id+,flow:0

label = g:unix:Linux:2.6.39+
sig   = *:64:0:*:mss*44,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*22,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*20,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = *:64:0:*:mss*10,*:mss,sok,ts,nop,ws:df,id+,flow:0

; Any window: the layout with timestamps in the third place is nobody else's.
label = g:unix:Linux:
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+,flow:0
sig   = 6:64:0:*:*,*:mss,sok,ts,nop,ws::0
sig   = *:64:0:*:*,*:mss,nop,nop,sok,nop,ws:df,id+,flow:0

; -------------------------------------------------------------------------------------------------------------------
; Windows. From 10 on the window is as many segments as 65535 bytes hold. Servers offer ECN (Server 2012 and newer).
; -------------------------------------------------------------------------------------------------------------------

label = s:win:Windows:10/Win-11
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = *:128:0:*:mss*46,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = *:128:0:*:mss*47,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = *:128:0:*:mss*48,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0

label = s:win:Windows:Server-2016+
sig   = *:128:0:*:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+,ecn,flow:0
sig   = *:128:0:*:mss*45,8:mss,nop,ws,nop,nop,sok:df,id+,ecn,flow:0
sig   = *:128:0:*:mss*46,8:mss,nop,ws,nop,nop,sok:df,id+,ecn,flow:0
sig   = *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+,ecn,flow:0

label = s:win:Windows:7/Win-8
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0
sig   = 6:128:0:*:8192,8:mss,nop,ws,nop,nop,sok::0

label = s:win:Windows:Vista/Win-7
sig   = *:128:0:*:8192,2:mss,nop,ws,nop,nop,sok:df,id+,flow:0

label = s:win:Windows:Server-2012
sig   = *:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn,flow:0

label = g:win:Windows:Vista+
sig   = *:128:0:*:*,8:mss,nop,ws,nop,nop,sok:df,id+,flow:0

; -------------------------------------------------------------------------------------------------------------------
; macOS and iOS have one TCP. The scale grew with the versions; the newer ones send no identification where DF is set.
; -------------------------------------------------------------------------------------------------------------------

label = s:unix:Mac-OS-X:10.9/iOS-7
sig   = *:64:0:*:65535,4:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,flow:0

label = s:unix:macOS:10.10-10.13/iOS-8-11
sig   = *:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,flow:0
sig   = *:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,flow:0
sig   = *:64:0:*:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn,flow:0

label = s:unix:macOS:10.14+/iOS-12+
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,flow:0
sig   = *:64:0:*:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn,flow:0
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df,flow:0
sig   = *:64:0:*:65535,7:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn,flow:0

label = g:unix:macOS:
sig   = 6:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1::0
sig   = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+,flow:0
sig   = *:64:0:*:65535,*:mss,nop,ws,nop,nop,ts,sok,eol+1:df,flow:0

; -------------------------------------------------------------------------------------------------------------------
; The BSDs.
; -------------------------------------------------------------------------------------------------------------------

; From 11 on (net.inet.ip.rfc6864) no identification where DF is set.
label = s:unix:FreeBSD:11+
sig   = *:64:0:*:65535,6:mss,nop,ws,sok,ts:df,flow:0

label = g:unix:FreeBSD:
sig   = *:64:0:*:65535,*:mss,nop,ws,sok,ts:df,id+,flow:0
sig   = *:64:0:*:65535,*:mss,nop,ws,sok,ts:df,flow:0

label = s:unix:OpenBSD:6.1+
sig   = *:64:0:*:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0
sig   = 6:64:0:*:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:flow:0
